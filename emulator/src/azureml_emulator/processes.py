"""Programs that the emulator starts: written down with the time they began, so that they can be ended by that very id.

A process id alone may be reused by another program. Field 22 of /proc/PID/stat, the start in clock ticks since boot,
makes it name one process for good.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path


def began_at(pid: int) -> str | None:
    """When the live process `pid` began; None for a dead one or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def record(folder: Path, name: str, pid: int) -> Path:
    """Write a process down as `folder`/`name`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"{pid} {began_at(pid)}")
    return file


def running(file: Path) -> int | None:
    """The id of the recorded process if it still runs."""
    try:
        pid, began = file.read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid) if began_at(int(pid)) == began else None


def end(file: Path, *, seconds: float = 10) -> None:
    """End the recorded process and its group: SIGTERM, then SIGKILL after `seconds`; then forget it."""
    if (pid := running(file)) is not None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            _signal(pid, number)
            deadline = time.monotonic() + seconds
            while running(file) is not None and time.monotonic() < deadline:
                time.sleep(0.02)
            if running(file) is None:
                break
    file.unlink(missing_ok=True)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
