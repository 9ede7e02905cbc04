"""Processes that hold a program's output open: daemons that left its group, its session and its environment.

What they inherited with the pipe is all that still tells whose they are.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

_SECONDS = 5.0


def end(pipe: int) -> None:
    """Kill whatever can write to the pipe that is read here, looking again until nobody is left."""
    deadline = time.monotonic() + _SECONDS
    while (writers := _writers(f"pipe:[{os.fstat(pipe).st_ino}]")) and time.monotonic() < deadline:
        for pid in writers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def _writers(link: str) -> list[int]:
    """The live processes that have the pipe open for writing.

    A program that is just being started has a copy of the reading end until it is executed; it is none of them.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(entry.readlink()) == link and _can_write(entry) for entry in (folder / "fd").iterdir()):
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # Ended meanwhile, or another user's.
    return [pid for pid in found if pid != os.getpid()]


def _can_write(descriptor: Path) -> bool:
    lines = (descriptor.parents[1] / "fdinfo" / descriptor.name).read_text().splitlines()
    flags = next((line.split()[1] for line in lines if line.startswith("flags:")), "0")
    return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
