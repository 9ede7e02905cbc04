"""A place in storage that a command may write to as if it were a folder here: Azure's mode ReadWriteMount.

What is at the place is brought before the command starts, and what has changed is taken back when it has ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ... import trees
from ...blobs import Check, Place
from ...context import Context
from ..stopping import JobFailed


@dataclass(frozen=True)
class Mount:
    """A file or folder of a run and the place it stands for; `before` is what was there: size and time of change."""

    place: Place
    path: Path
    before: dict[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, place: Place, path: Path) -> Mount:
        """The mount of `path`, with what is in it by now."""
        return cls(place, path, {name: _stamp(file) for file, name in _files(path, path.parent).files})

    def take_back(self, context: Context, where: str, *, within: Path, check: Check = lambda: None) -> int:
        """Bring what changed to storage, and remove there what was removed here; the answer is how many files changed.

        `within` is the run's folder, which links must not lead out of. Raises JobFailed if they do.
        """
        found = files_to_take(where, self.path, within)
        changed = [(file, name) for file, name in found if self.before.get(name) != _stamp(file)]
        gone = self.before.keys() - {name for _, name in found}
        context.blobs.delete(self.place, gone)
        return context.blobs.upload_files(changed, self.place, check=check) + len(gone)


def files_to_take(where: str, path: Path, within: Path) -> list[tuple[Path, str]]:
    """The files of an output that may go to storage. Raises JobFailed for links out of the run's folder."""
    found = _files(path, within)
    if found.outside:
        links = ", ".join(sorted(found.outside))
        raise JobFailed(f"{where}: the links {links} lead out of the run's folder; write files, not links to others")
    return found.files


def _files(path: Path, within: Path) -> trees.Walk:
    if path.is_symlink() and not path.resolve().is_relative_to(within.resolve()):
        return trees.Walk(outside=[path.name])
    if path.is_dir():
        return trees.walk(path, within=within)
    return trees.Walk(files=[(path, "")] if path.is_file() else [])


def _stamp(file: Path) -> tuple[int, int]:
    known = file.stat()
    return known.st_size, known.st_mtime_ns
