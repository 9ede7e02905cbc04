"""Outcomes as lines of text, which a parallel job collects from all its nodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from . import PreparationError
from .photo import Outcome


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
