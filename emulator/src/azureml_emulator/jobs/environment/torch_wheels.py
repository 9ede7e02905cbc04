"""PyTorch for CPUs: its own index has wheels of 200 MB, PyPI's are built for CUDA and bring gigabytes of it."""

from __future__ import annotations

import threading
import time

import httpx

from . import packages
from .definition import Log
from .pip_lines import name_of

_INDEX = "https://download.pytorch.org/whl/cpu/"
_SECONDS = 5.0
_AGAIN_SECONDS = 600.0


class TorchWheels:
    """Knows whether PyTorch's own index can be reached from here. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: tuple[float, bool] | None = None

    def options(self, lines: tuple[str, ...], chosen: str | None, log: Log) -> list[str]:
        """What uv is to be told for these requirements; `chosen` is what the user has told it, as UV_TORCH_BACKEND."""
        if chosen or not any(packages.is_torch_based(name) for line in lines if (name := name_of(line))):
            return []
        if self._reachable():
            log.line(f"PyTorch is for CPUs, from {_INDEX}")
            return ["--torch-backend", "cpu"]
        log.line(
            f"{_INDEX} cannot be reached: PyTorch comes from the package index as it is there. On Linux with an x86 "
            "processor that is the build for CUDA, which runs on CPUs as well, but takes about 5 GB of disk"
        )
        return []

    def _reachable(self) -> bool:
        with self._lock:
            if self._asked is None or time.monotonic() - self._asked[0] > _AGAIN_SECONDS:
                self._asked = (time.monotonic(), self._ask())
            return self._asked[1]

    @staticmethod
    def _ask() -> bool:
        try:
            answer = httpx.head(_INDEX, timeout=_SECONDS, follow_redirects=True)
        except httpx.HTTPError:
            return False
        return answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
