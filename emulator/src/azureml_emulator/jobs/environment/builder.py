"""Builds virtual environments with uv, kept by their content.

One environment is built once for a user, whoever asks first; others wait. A build that was interrupted leaves no
`built.json` behind, so it is never taken for a whole one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uv

from ..process.programs import Ended, run
from ..process.surroundings import surroundings
from . import packages
from .definition import Canceled, Environment, Log, Requirements, UnusableEnvironment
from .interpreters import Interpreter, Interpreters
from .pip_lines import for_cpu, pins
from .torch_wheels import TorchWheels

_LAYOUT = 2
"""Part of an environment's key: raise it when environments are built differently, and old ones are left alone."""

_PASSED_ON_TO_UV = ("HOME", "XDG_CACHE_HOME", "NETRC")
_NOT_FOR_UV = frozenset({"UV_PROJECT_ENVIRONMENT", "UV_PYTHON"})


class Builder:
    """Builds environments in `cache`, or finds them there. Safe to use from threads and from several emulators."""

    def __init__(self, cache: Path, *, own_proxy: int) -> None:
        self._cache = cache
        self._own_proxy = own_proxy
        self._interpreters = Interpreters(self._environment())
        self._torch = TorchWheels()

    def build(self, requirements: Requirements, *, log: Log, cancel: threading.Event) -> Environment:
        """The environment that meets `requirements`. Raises UnusableEnvironment or Canceled."""
        python = self._interpreters.find(requirements.python, log)
        pip, notes = for_cpu(requirements.pip)
        for note in (*requirements.notes, *notes):
            log.line(note)
        wanted = {"layout": _LAYOUT, "python": python.path, "pip": sorted(pip)}
        key = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:24]
        folder = self._cache / key
        self._cache.mkdir(parents=True, exist_ok=True)
        with _locked(self._cache / f"{key}.lock", log, cancel):
            if (folder / "built.json").exists():
                log.line(f"Environment {key} found in the cache")
            else:
                log.line(f"Building environment {key} with Python {python.version}")
                shutil.rmtree(folder, ignore_errors=True)
                _Build(self, folder, python, log, cancel).make(pip, asked=requirements.python)
                part = folder / "built.part"
                part.write_text(json.dumps(wanted, indent=2))
                part.rename(folder / "built.json")
                log.line(f"Environment {key} built")
        return Environment(folder, dict(requirements.variables))

    def torch_options(self, pip: tuple[str, ...], log: Log) -> list[str]:
        """What uv is to be told so that PyTorch is the one for CPUs, where that can be had."""
        return self._torch.options(pip, os.environ.get("UV_TORCH_BACKEND"), log)

    def run(self, command: Sequence[str], log: Log, cancel: threading.Event) -> Ended:
        """Run a program of a build. Raises Canceled."""
        ended = run(
            command,
            folder=self._cache,
            environment=self._environment(),
            output=log.write,
            cancel=cancel,
        )
        if ended.canceled:
            raise Canceled
        return ended

    def _environment(self) -> dict[str, str]:
        of_uv = [name for name in os.environ if name.startswith("UV_") and name not in _NOT_FOR_UV]
        kept = surroundings((*_PASSED_ON_TO_UV, *of_uv), own_proxy=self._own_proxy)
        # The machine's CAs, in case a proxy opens TLS; the emulator's own CA is of no use here.
        return {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never", **kept}


class _Recorder:
    """A log that passes on what it gets, and keeps what programs printed."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.printed = ""

    def line(self, text: str) -> None:
        self._log.line(text)

    def write(self, data: bytes) -> None:
        self.printed += data.decode(errors="replace")
        self._log.write(data)


class _Build:
    """One build in a folder that is its own."""

    def __init__(self, builder: Builder, folder: Path, python: Interpreter, log: Log, cancel: threading.Event) -> None:
        self._builder = builder
        self._folder = folder
        self._python = python
        self._log = log
        self._cancel = cancel

    def make(self, pip: tuple[str, ...], *, asked: str | None) -> None:
        """Make the environment and install into it; `asked` is the Python that was asked for."""
        self._make_environment()
        if not pip:
            return
        listed = self._folder / "requirements.txt"
        listed.write_text("\n".join(pip) + "\n")
        target = ["--python", str(self._folder / "bin" / "python"), *self._builder.torch_options(pip, self._log)]
        if not self._python.is_wanted:
            target += [f"--only-binary={name}" for name in packages.table()["wheels_only"]]
        recorder = _Recorder(self._log)
        ended = self._uv(["pip", "install", *target, "--requirement", str(listed)], recorder)
        if ended.exit_code:
            raise UnusableEnvironment(self._why(pip, asked, recorder.printed, ended))

    def _make_environment(self) -> None:
        """With pip in it, as conda's have: commands call it. Where no index is in reach, it is Python's own copy."""
        made = ["venv", "--python", self._python.path, str(self._folder)]
        quiet = _Recorder(_Silent())
        if self._uv([*made, "--seed"], quiet).exit_code == 0:
            return
        ended = self._uv([*made, "--clear"], self._log)
        if ended.exit_code:
            raise UnusableEnvironment("uv venv failed: " + "\n".join(ended.last_lines))
        bundled = [str(self._folder / "bin" / "python"), "-m", "ensurepip", "--default-pip"]
        if self._builder.run(bundled, quiet, self._cancel).exit_code:
            self._log.line("The environment has no pip: no package index is in reach, and Python has no copy of it")

    def _uv(self, arguments: Sequence[str], log: Log) -> Ended:
        program = [uv.find_uv_bin(), "--no-progress", "--color", "never", "--system-certs"]
        return self._builder.run([*program, *arguments], log, self._cancel)

    def _why(self, pip: tuple[str, ...], asked: str | None, printed: str, ended: Ended) -> str:
        told = "uv pip failed: " + "\n".join(ended.last_lines)
        pinned = pins(pip, printed)
        if self._python.is_wanted or not pinned:
            return told
        have = self._python.version
        return (
            f"it asks for Python {asked}, which is not on this machine; with Python {have}, the nearest, these cannot "
            f"be had: {', '.join(pinned)}. Change them, or install the Python that they are for (uv python, pyenv "
            f"or the system's packages). {told}"
        )


class _Silent:
    """A log for what is of no interest to a job's user."""

    def line(self, text: str) -> None:
        """Leave a line out."""

    def write(self, data: bytes) -> None:
        """Leave out what a program printed."""


@contextmanager
def _locked(file: Path, log: Log, cancel: threading.Event) -> Iterator[None]:
    with file.open("w") as handle:
        waiting = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    log.line("Waiting for another job that builds the same environment")
                waiting = True
                if cancel.wait(0.2):
                    raise Canceled from None
        yield
