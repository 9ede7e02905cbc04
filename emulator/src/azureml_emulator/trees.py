"""Folders that a job's command wrote: which files are in them, and how to remove them whatever their modes are."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Walk:
    """What is in a folder: regular files with their path below it, and the links that lead out of it."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


def walk(folder: Path, *, within: Path | None = None) -> Walk:
    """The files below `folder`, in order of their names.

    Links are followed, to files and to folders, as long as they stay in `within` (the folder itself unless it is
    given): whoever copies the files must not be led to files that the folder's writer was not to give away. Pipes,
    sockets and devices are left out, since reading them may never end; so are links that lead nowhere or in a circle.
    """
    found = Walk()
    _walk(folder, "", (within or folder).resolve(), (folder.resolve(),), found)
    found.files.sort(key=lambda entry: entry[1])
    return found


def _walk(folder: Path, below: str, limit: Path, above: tuple[Path, ...], found: Walk) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            path, name = Path(entry.path), f"{below}{entry.name}"
            real = path.resolve() if entry.is_symlink() else None
            if real is not None and not real.is_relative_to(limit):
                found.outside.append(name)
            elif entry.is_dir():
                inside = real or above[-1] / entry.name
                if inside not in above:
                    _walk(path, f"{name}/", limit, (*above, inside), found)
            elif entry.is_file():
                found.files.append((path, name))


def make_read_only(folder: Path) -> None:
    """Take the right to write from everybody, in the folder and all that is in it (root is not bound by it)."""
    for path, _, files in os.walk(folder, topdown=False):
        for name in files:
            _change(Path(path, name), lambda mode: mode & ~0o222)
        _change(Path(path), lambda mode: mode & ~0o222)


def remove(folder: Path) -> None:
    """Remove a folder with all in it, read-only or not; what cannot be removed even so is left."""
    shutil.rmtree(folder, onerror=_retry)


def _retry(function: Callable[..., Any], path: str, _: object) -> None:
    """Make the folder that the entry is in writable, and try once more; a second failure leaves the entry."""
    for one in (Path(path).parent, Path(path)):
        _change(one, lambda mode: mode | 0o700)
    try:
        if function in {os.unlink, os.rmdir}:
            function(path)
        elif Path(path).is_dir():
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return


def _change(path: Path, change: Callable[[int], int]) -> None:
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            path.chmod(change(stat.S_IMODE(mode)))
    except OSError:
        # Gone meanwhile, or another user's: the caller's next step tells.
        return
