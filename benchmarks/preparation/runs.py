"""Runs a program, and tells how long it and its child processes took, or how much memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.processes import proportional_set_size

from ..report import BenchmarkError

_EVERY_SECONDS = 0.02


@dataclass(frozen=True)
class Run:
    """What a run took: time, and CPU time of all its processes."""

    seconds: float
    cpu_seconds: float


def timed(command: Sequence[str]) -> Run:
    """Run a program to its end. Raises BenchmarkError if it fails."""
    began = time.perf_counter()
    process = _started(command)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    _check(process, command)
    # Of a child it counts what its own children took, once it has waited for them.
    return Run(seconds, used.ru_utime + used.ru_stime)


def peak(command: Sequence[str]) -> int:
    """The most bytes that a program and its child processes had at once, as proportional set size (PSS)."""
    process = _started(command)
    most = 0
    while process.poll() is None:
        most = max(most, sum(_pss(pid) for pid in _tree(process.pid)))
        time.sleep(_EVERY_SECONDS)
    _check(process, command)
    return most


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _check(process: subprocess.Popen[bytes], command: Sequence[str]) -> None:
    if process.returncode:
        raise BenchmarkError(f"{' '.join(command)} ended with exit code {process.returncode}")


def _tree(pid: int) -> Iterator[int]:
    """The process and all below it, as far as they are still there."""
    yield pid
    try:
        lists = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in " ".join(lists).split():
        yield from _tree(int(child))


def _pss(pid: int) -> int:
    """Bytes of a process, 0 if it has ended."""
    try:
        return proportional_set_size(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0
