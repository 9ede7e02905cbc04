"""What became of a photo, also as a line of text, which a parallel job collects from all its nodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import PreparationError


@dataclass(frozen=True)
class Outcome:
    """What became of a photo.

    Attributes:
        name: of its file, relative to the folder of photos.
        digest: SHA-256 of the file's content in hexadecimal digits; None if it has not been read.
        reason: why it was left out; None if it was prepared.

    """

    name: str
    digest: str | None
    reason: str | None


def file_name(digest: str) -> str:
    """The name of the prepared photo: one for all files of that content, so that equal ones become one."""
    return f"{digest[:32]}.png"


def row(outcome: Outcome) -> str:
    """An outcome as one line of JSON, in ASCII."""
    return json.dumps([outcome.name, outcome.digest, outcome.reason])


def outcomes(place: Path) -> Iterator[Outcome]:
    """The outcomes in a file of rows, or in all files of a folder. Raises PreparationError."""
    for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
        if file.is_dir():
            continue
        with file.open(encoding="ascii") as rows:
            for number, line in enumerate(rows, start=1):
                yield _outcome(line, f"{file}, line {number}")


def _outcome(line: str, where: str) -> Outcome:
    try:
        match json.loads(line):
            case [str() as name, str() | None as digest, str() | None as reason]:
                return Outcome(name, digest, reason)
    except ValueError as error:
        raise PreparationError(f"{where}: what became of a photo can't be read: {error}") from error
    raise PreparationError(f"{where}: this is not what became of a photo: {line.strip()[:80]}")
