"""What became of every photo, on disk, so that a folder of any size takes the same memory; and the report of it."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .outcome import Outcome, file_name

REPORT = "report.json"
PREPARED = "prepared.csv"

# Equal files have equal digests. The one whose name comes first stands for all of them, whichever was read first.
_SCHEMA = """
CREATE TABLE photos (name BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE outcomes (name BLOB PRIMARY KEY, digest TEXT, reason TEXT) WITHOUT ROWID;
CREATE INDEX by_digest ON outcomes (digest, name);
CREATE VIEW settled AS
SELECT name, digest, reason, (SELECT min(name) FROM outcomes AS equal WHERE equal.digest = one.digest) AS first
FROM outcomes AS one;
"""
_PREPARED = "FROM settled WHERE reason IS NULL AND name = first"
_LEFT_OUT = "FROM settled WHERE reason IS NOT NULL OR name <> first"


@dataclass(frozen=True)
class Class:
    """What a report is about: the name of the class, and the size of its photos in pixels."""

    label: str
    width: int
    height: int


class Ledger:
    """The photos that are to be prepared, and their outcomes.

    It is a SQLite database without a name: in memory while it is small, in a temporary file that nobody sees when it
    grows. Names are bytes, as file systems have them, and are in the order of their bytes.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")

    def add(self, names: Iterable[str]) -> int:
        """Note photos that are to be prepared; how many there are now."""
        rows = ((os.fsencode(name),) for name in names)
        self._database.executemany("INSERT OR IGNORE INTO photos VALUES (?)", rows)
        return self._count("FROM photos")

    def names(self) -> Iterator[str]:
        """The names of the photos that were added, in order."""
        return (os.fsdecode(name) for (name,) in self._database.execute("SELECT name FROM photos ORDER BY name"))

    def note(self, outcome: Outcome) -> None:
        """Note what became of a photo; the last word on it counts."""
        row = (os.fsencode(outcome.name), outcome.digest, outcome.reason)
        self._database.execute("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?)", row)

    def prepared(self) -> int:
        """How many photos were prepared; of equal ones, one counts."""
        return self._count(_PREPARED)

    def left_out(self) -> Iterator[tuple[str, str]]:
        """The names of the files that were left out, in order, with the reason."""
        rows = self._database.execute(f"SELECT name, reason, first {_LEFT_OUT} ORDER BY name")
        for name, reason, first in rows:
            yield os.fsdecode(name), _why(name, reason, first)

    def count_left_out(self) -> int:
        """How many files were left out."""
        return self._count(_LEFT_OUT)

    def write(self, folder: Path, about: Class) -> None:
        """Write `report.json`, what was left out and why, and `prepared.csv`, what each prepared photo was made of."""
        with (folder / REPORT).open("w", encoding="ascii") as file:
            file.writelines(self._report(about))
        with (folder / PREPARED).open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("file", "photo"))
            made = self._database.execute(f"SELECT digest, name {_PREPARED} ORDER BY name")
            for digest, name in made:
                rows.writerow((f"{about.label}/{file_name(digest)}", os.fsdecode(name)))

    def _report(self, about: Class) -> Iterator[str]:
        """JSON in pieces: the list of what was left out can be as long as the folder."""
        yield json.dumps({**asdict(about), "prepared": self.prepared()}, indent=2).removesuffix("\n}")
        yield ',\n  "left_out": {'
        separator = ""
        for name, why in self.left_out():
            yield f"{separator}\n    {json.dumps(name)}: {json.dumps(why)}"
            separator = ","
        yield "\n  }\n}\n" if separator else "}\n}\n"

    def _count(self, what: str) -> int:
        return int(self._database.execute(f"SELECT count(*) {what}").fetchone()[0])


def _why(name: bytes, reason: str | None, first: bytes | None) -> str:
    if reason is None or (first is not None and first != name):
        return f"the same file as {os.fsdecode(first or name)}"
    return reason
