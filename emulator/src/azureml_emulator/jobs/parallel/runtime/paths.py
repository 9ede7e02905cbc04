"""Finds the files of an input: all in a folder, or those that an MLTable names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class UnreadableTable(Exception):  # noqa: N818
    """The table's files are not as its MLTable says; the message tells how."""


def walk(root: str) -> Iterator[str]:
    """All files under a folder, or the one file that `root` is; folder by folder, in the order of their names.

    Only the names of the folders on the way are held at a time.
    """
    waiting = [root]
    while waiting:
        path = waiting.pop()
        if Path(path).is_dir():
            with os.scandir(path) as entries:
                waiting.extend(sorted((entry.path for entry in entries), reverse=True))
        else:
            yield path


def listed(root: str, paths: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """The files that the `paths` of an MLTable name, each once. Raises UnreadableTable if a path names none."""
    seen = set()
    base = Path(root).resolve()
    for given in paths:
        for kind, path in given.items():
            found = _found(base, kind, path)
            if not found:
                raise UnreadableTable(f"MLTable: there is no file for {kind}: {path}")
            for file in found:
                if file not in seen:
                    seen.add(file)
                    yield file


def _found(base: Path, kind: str, path: str) -> list[str]:
    if "://" in path or path.startswith("/") or ".." in path.split("/"):
        raise UnreadableTable(f"MLTable: {path} is not in the table's own folder; the emulator reads no other")
    if kind == "pattern":
        found = list(base.glob(path))
    else:
        target = base / path
        found = list(target.rglob("*")) if target.is_dir() else [target]
    return sorted(str(one) for one in found if one.is_file() and one != base / "MLTable")
