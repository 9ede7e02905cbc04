"""Folders of photos to prepare: real ones where they are, drawn ones where not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..serving.photos import REAL, sample

_DRAWN = 300


@dataclass(frozen=True)
class Folder:
    """A folder of JPEG files.

    Attributes:
        path: of the folder.
        described: what they are.
        count: how many, in all its subfolders.
        kibibytes: of a file, on the average.

    """

    path: Path
    described: str
    count: int
    kibibytes: float


def photos(scratch: Path) -> Folder:
    """The real photos beside this project; where there are none, drawn ones of 500 x 375 pixels in `scratch`."""
    if any(REAL.glob("*/*.jpg")):
        return _folder(REAL, "real ones")
    scratch.mkdir()
    for number, content in enumerate(sample(count=_DRAWN).files):
        (scratch / f"{number}.jpg").write_bytes(content)
    return _folder(scratch, "drawn ones, as there are no real ones beside this project")


def many_times(folder: Folder, target: Path, times: int) -> Folder:
    """So many times as many photos: each is there several times, with an end that makes it another file."""
    for again in range(times):
        (target / str(again)).mkdir(parents=True)
        for number, path in enumerate(_files(folder.path)):
            (target / str(again) / f"{number}.jpg").write_bytes(path.read_bytes() + b"%d" % again)
    return _folder(target, folder.described)


def _files(path: Path) -> Iterator[Path]:
    return path.rglob("*.jpg")


def _folder(path: Path, described: str) -> Folder:
    sizes = [file.stat().st_size for file in _files(path)]
    return Folder(path, described, len(sizes), sum(sizes) / len(sizes) / 1024)
