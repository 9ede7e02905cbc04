"""Ends what runs of killed programs left: act itself, the processes of its steps, and their files."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import uuid
from pathlib import Path

from sandbox import paths
from sandbox.processes import began_at, wait_for

_OWNER = "owner"


def new_run() -> Path:
    """Make a folder for a run that this process has to do with."""
    name = uuid.uuid4().hex[:12]
    being_made, folder = paths.state() / f"act-{name}", paths.state() / "act" / name
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    being_made.mkdir(mode=0o700)
    (being_made / _OWNER).write_text(f"{os.getpid()} {began_at(os.getpid())}")
    return being_made.rename(folder)  # only now can another process take it for a leftover, and read that it is not


def end_leftovers() -> None:
    """End and remove the runs whose owner is gone; those of programs that live are not touched."""
    runs = paths.state() / "act"
    for folder in runs.iterdir() if runs.is_dir() else ():
        if not _owned(folder):
            end_processes(folder)
            shutil.rmtree(folder, ignore_errors=True)


def end_processes(folder: Path) -> None:
    """Kill every process of the run in `folder`: they all have its home, and a step may have left its session."""
    for pid in processes(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(f"the processes of {folder} to end", lambda: not processes(folder), seconds=10)


def processes(folder: Path) -> list[int]:
    """The ids of the live processes of the run in `folder`."""
    mark = f"HOME={folder}/home".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0") and began_at(int(process.name)) is not None:
                found.append(int(process.name))
    return found


def _owned(folder: Path) -> bool:
    try:
        pid, began = (folder / _OWNER).read_text().split()
    except (FileNotFoundError, ValueError):
        return False
    return began_at(int(pid)) == began
