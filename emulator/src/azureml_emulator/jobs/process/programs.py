"""Runs a job's programs: in a process group of their own, output passed on while they run, the whole tree ended."""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import pipe_holders

COOKIE = "AZUREML_EMULATOR_RUN"
"""Environment variable of a job's processes, with a value unique to the run: finds those that left the group.

It is the id of the MLflow run; of several processes of a run each has its rank behind it, `ID-RANK`.
"""

_GRACE_SECONDS = 3.0
_STRAYS_SECONDS = 5.0
_POLL_SECONDS = 0.1
_LAST_LINES = 20
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class Ended:
    """How a program ended; `timed_out` and `canceled` tell why it was made to."""

    exit_code: int
    last_lines: tuple[str, ...]
    canceled: bool = False
    timed_out: bool = False


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    output: Callable[[bytes], None],
    cancel: threading.Event,
    timeout: float | None = None,
    started: Callable[[int], None] = lambda _: None,
) -> Ended:
    """Run a program to its end, or until `cancel` is set.

    `output` gets what it prints, stdout and stderr as one; and nothing now and then, while it prints nothing.
    `started` gets the id of the process, which is also that of its group.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    started(process.pid)
    deadline = None if timeout is None else time.monotonic() + timeout
    tail = _Tail()
    canceled = timed_out = False
    try:
        with process, selectors.DefaultSelector() as selector:
            assert process.stdout is not None  # noqa: S101
            pipe = process.stdout.fileno()
            os.set_blocking(pipe, False)
            selector.register(pipe, selectors.EVENT_READ)
            # A program that left the group may hold the pipe open for ever: its main process decides when it is over.
            while process.poll() is None:
                canceled = cancel.is_set()
                timed_out = deadline is not None and time.monotonic() > deadline
                if canceled or timed_out:
                    break
                output(b"")
                if not selector.get_map():
                    _wait(process, _POLL_SECONDS)
                elif selector.select(_POLL_SECONDS) and not _pass_on(pipe, output, tail):
                    selector.unregister(pipe)  # It closed its output, and works on.
            end_tree(process, environment.get(COOKIE), gently=canceled or timed_out)
            if not _drain(pipe, output, tail):
                pipe_holders.end(pipe)
                _drain(pipe, output, tail)
    finally:
        end_tree(process, environment.get(COOKIE), gently=False)
    return Ended(process.returncode, tail.lines(), canceled, timed_out)


def _drain(pipe: int, output: Callable[[bytes], None], tail: _Tail) -> bool:
    """Hand over what is left in the pipe; False if somebody holds it open, who could write for ever."""
    left = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
    while left > 0:
        try:
            data = os.read(pipe, left)
        except BlockingIOError:
            return False
        if not data:
            return True
        left -= len(data)
        tail.add(data)
        output(data)
    return False


class _Tail:
    """The last lines of what was printed."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=_LAST_LINES)
        self._rest = b""

    def add(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_LONGEST_LINE:]
        self._lines.extend(line[-_LONGEST_LINE:] for line in whole)

    def lines(self) -> tuple[str, ...]:
        return tuple(line.decode(errors="replace") for line in (*self._lines, self._rest) if line.strip())


def _pass_on(pipe: int, output: Callable[[bytes], None], tail: _Tail) -> bool:
    """Hand over what is in the pipe; False if there is nothing (more)."""
    try:
        data = os.read(pipe, 1 << 16)
    except BlockingIOError:
        return False
    if data:
        tail.add(data)
        output(data)
    return bool(data)


def end_tree(process: subprocess.Popen[bytes], cookie: str | None, *, gently: bool) -> None:
    """End a process, its group, and what left the group; a container would leave nothing either."""
    if gently:
        _signal_group(process.pid, signal.SIGTERM)
        _wait(process, _GRACE_SECONDS)  # What does not listen is killed below.
    _signal_group(process.pid, signal.SIGKILL)
    if cookie is not None:
        end_strays(cookie)
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def end_strays(cookie: str) -> None:
    """Kill whatever processes carry this cookie, looking again until no new ones turn up."""
    deadline = time.monotonic() + _STRAYS_SECONDS
    while (strays := _carriers(cookie)) and time.monotonic() < deadline:
        for pid in strays:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def _carriers(cookie: str) -> list[int]:
    mark = f"{COOKIE}={cookie}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # A zombie has no environment left: it reads as nothing and counts as ended.
            entries = (folder / "environ").read_bytes().split(b"\0")
            if any(entry == mark or entry.startswith(mark + b"-") for entry in entries):
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # Ended meanwhile, or another user's.
    return found
