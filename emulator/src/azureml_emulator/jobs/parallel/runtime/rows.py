"""Brings what `run` returned into one file, in the order of the mini batches, whichever worker had them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

DEFAULT_NAME = "parallel_run_step.txt"
"""The file's name, if the place for the rows is a folder (Azure's default, `append_row_file_name`)."""


@dataclass(frozen=True)
class Segment:
    """Rows in a worker's file: where they begin and how many bytes they are."""

    file: Path
    start: int
    length: int


class Rows:
    """Writes segments as soon as all those before them are there; keeps only the places of the others."""

    def __init__(self, place: str | None) -> None:
        self._place = None if place is None else _file(Path(place))
        self._output: BinaryIO | None = None if self._place is None else self._place.open("wb")
        self._waiting: dict[int, Segment | None] = {}
        self._next = 0

    def add(self, index: int, segment: Segment | None) -> None:
        """The rows of a mini batch; None if it failed or has none."""
        if self._output is None:
            return
        self._waiting[index] = segment
        while self._next in self._waiting:
            ready = self._waiting.pop(self._next)
            self._next += 1
            if ready is not None and ready.length:
                _copy(ready, self._output)

    def close(self) -> Path | None:
        """End the file; the answer is where it is."""
        if self._output is not None:
            self._output.close()
        return self._place


def _file(place: Path) -> Path:
    if place.is_dir():
        return place / DEFAULT_NAME
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _copy(segment: Segment, output: BinaryIO) -> None:
    with segment.file.open("rb") as source:
        source.seek(segment.start)
        left = segment.length
        while left:
            data = source.read(min(left, 1 << 20))
            if not data:
                raise OSError(f"{segment.file} ends before the rows that a worker wrote there")
            output.write(data)
            left -= len(data)
