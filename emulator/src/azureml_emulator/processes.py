"""Programs that the emulator starts: written down with the time they began, so that they can be ended by that very id.

A process id alone may be reused by another program. Field 22 of /proc/PID/stat, the start in clock ticks since boot,
makes it name one process for good.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
from pathlib import Path

OWNER = "AZUREML_EMULATOR_OWNER"
"""Environment variable of all that an emulator starts, with a value that is unique to its state folder."""


def began_at(pid: int) -> str | None:
    """When the live process `pid` began; None for a dead one or a zombie."""
    fields = _stat(pid)
    return None if fields is None else fields[19]


def record(folder: Path, name: str, pid: int) -> Path:
    """Write a process down as `folder`/`name`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    part = folder.with_name(f"{folder.name}.{name}.part")
    part.write_text(f"{pid} {began_at(pid)}")
    part.replace(file)  # Whoever looks, whenever that is, finds all of it or nothing.
    return file


def running(file: Path) -> int | None:
    """The id of the recorded process if it still runs."""
    try:
        pid, began = file.read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid) if began_at(int(pid)) == began else None


def end(file: Path, *, seconds: float = 10) -> None:
    """End the recorded process and its session, which may outlive it: SIGTERM, then SIGKILL after `seconds`.

    Nothing happens if the id is another program's by now.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in _of_session(file):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while _of_session(file) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not _of_session(file):
            break
    file.unlink(missing_ok=True)


def owner(state: Path) -> str:
    """The value of OWNER for what belongs to the emulator of this state folder."""
    return hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:32]


def end_owned(state: Path, *, seconds: float = 10) -> None:
    """Kill whatever carries the mark of this state folder's emulator, looking again until no new ones turn up.

    It is for what no note was made of: the notes come first, and ask gently.
    """
    mark = f"{OWNER}={owner(state)}".encode()
    deadline = time.monotonic() + seconds
    while (left := carriers(mark)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def carriers(mark: bytes) -> list[int]:
    """The live processes that were started with this `NAME=value` in their environment, but for this very process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # A zombie has no environment left: it reads as nothing and counts as ended.
            if int(folder.name) != os.getpid() and mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # Ended meanwhile, or another user's.
    return found


def _of_session(file: Path) -> list[int]:
    """The live processes of the session that the recorded process began.

    The kernel gives no process the id of a session that still has members, so members are ours if their leader is the
    recorded process, or is gone.
    """
    try:
        pid, began = file.read_text().split()
    except (FileNotFoundError, ValueError):
        return []
    if began_at(int(pid)) not in {None, began}:
        return []
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [number for number in numbers if _session(number) == int(pid)]


def _session(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None else int(fields[3])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; None for a dead process or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else fields
