"""Prepares all photos of a folder on this machine."""

from __future__ import annotations

import logging
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import PreparationError, cores
from .ledger import Class, Ledger
from .order import PART, Limits, Order
from .outcome import Outcome
from .progress import Progress
from .workers import Photo, Workers

log = logging.getLogger("dataprep")

# A label becomes a folder's name and a key in the service's answers.
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]*")


@dataclass(frozen=True)
class Preparation:
    """What is made of photos, and by how many processes.

    Attributes:
        about: the class that they show, and their size.
        limits: what a photo may cost.
        workers: processes; 0: as many as there are cores that this process may use.

    """

    about: Class
    limits: Limits
    workers: int = 0

    def __post_init__(self) -> None:
        if not _LABEL.fullmatch(self.about.label):
            raise PreparationError(
                f"label {self.about.label!r} can't name a class: use letters, digits, space, '_', '.' and '-'"
            )
        if self.workers < 0:
            raise PreparationError(f"workers is {self.workers}; it must be 0, for one for each core, or more")

    def run(self, photos: Iterable[Photo], target: Path, *, most: int) -> Iterator[Outcome]:
        """Prepare photos, of which there are `most`, into a folder. Raises PreparationError."""
        count = min(self.workers or cores.granted(), most)
        if not count:
            return
        mark = uuid.uuid4().hex
        order = Order(str(target), self.about.width, self.about.height, mark, self.limits)
        with Workers(count, order) as workers:
            yield from workers.run(photos, most=most)
        if workers.restarts:  # One may have been at writing.
            for left in target.glob(f".*.{mark}.*{PART}"):
                left.unlink()


def prepare_folder(data: Path, output: Path, preparation: Preparation) -> Ledger:
    """Prepare every photo below `data` into `output`/<label>, and write the report to `output`.

    Raises PreparationError.
    """
    if not data.is_dir():
        raise PreparationError(f"{data}: there is no such folder of images")
    about = preparation.about
    target = empty_folder(output / about.label)
    ledger = Ledger()
    total = ledger.add(_files(data))
    progress = Progress(about.label, total, log.info)
    photos = (Photo(str(data / name), name) for name in ledger.names())
    for outcome in preparation.run(photos, target, most=total):
        ledger.note(outcome)
        progress.step()
    ledger.write(output, about)
    log.info("%s: %s", about.label, progress.summary())
    return ledger


def empty_folder(folder: Path) -> Path:
    """Make a folder. Raises PreparationError if something is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise PreparationError(f"{folder}: the output folder is not empty; old images would mix with new ones")
    return folder


def _files(data: Path) -> Iterator[str]:
    """The names of all files below a folder, relative to it."""
    for folder, _, names in os.walk(data, onerror=_unreadable):
        for name in names:
            path = Path(folder, name)
            if path.is_file():
                yield path.relative_to(data).as_posix()


def _unreadable(error: OSError) -> None:
    raise PreparationError(f"{error.filename}: the folder can't be read: {error.strerror}") from error
