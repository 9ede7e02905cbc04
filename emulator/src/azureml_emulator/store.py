"""Everything the emulator remembers, in one SQLite file in WAL mode: what was acknowledged survives a `kill -9`."""

from __future__ import annotations

import fcntl
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

Value = dict[str, Any]
"""One resource, as the JSON object that goes over the wire."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (kind, key)
)
"""


_LOCK_SECONDS = 2.0
"""A process that was killed counts as dead before its last thread has let go of its files."""


class StoreInUse(Exception):  # noqa: N818
    """Another process has the store open: it is the only one that may."""


def _matching(
    kind: str, fields: Mapping[str, str | bool | None], text: str = ""
) -> tuple[str, list[str | bool | None]]:
    """An SQL condition, made of literals alone, and the values for its question marks."""
    condition, values = "kind = ?", [kind, *(part for name, value in fields.items() for part in (f'$."{name}"', value))]
    condition += " AND json_extract(value, ?) IS ?" * len(fields)
    if text:
        condition += " AND instr(lower(value), ?) > 0"
        values.append(json.dumps(text)[1:-1].lower())
    return condition, values


def _lock(file: Path) -> IO[str]:
    """Lock a file for as long as it is open. Raises StoreInUse if another process has it locked."""
    guard = file.open("w")
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)  # The kernel frees it however the process ends.
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                guard.close()
                raise StoreInUse(f"{file.with_suffix('')} is open in another process") from error
            time.sleep(0.01)
        else:
            return guard


class Store:
    """Resources by kind and key; keys are compared without regard to case, as ARM ids are.

    Safe to use from several threads: every call is one transaction, under one lock; `transaction` makes several calls
    one. Only one process at a time can open a file (StoreInUse), for what it holds is also kept in memory.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._guard = _lock(file.with_name(f"{file.name}.lock"))
        self._lock = threading.RLock()
        self._depth = 0
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        # A commit is in the kernel's hands before it is acknowledged, so a killed process loses none. Only a machine
        # that loses its power could lose the last ones (never the file's integrity): FULL would sync on every commit.
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the calls in here one: all of them are kept, or after an exception or a kill none.

        Other threads wait meanwhile, so it is to be short, and nothing in it may wait for another thread. It nests.
        """
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self._database.execute("BEGIN IMMEDIATE")
                yield
                if self._depth == 1:
                    self._database.execute("COMMIT")
            except BaseException:
                if self._depth == 1 and self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def get(self, kind: str, key: str) -> Value | None:
        """The resource, or None."""
        query = "SELECT value FROM resources WHERE kind = ? AND key = ?"
        with self._lock:
            row = self._database.execute(query, (kind, key.lower())).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, kind: str, key: str, value: Value) -> bool:
        """Create or replace a resource; a replaced one keeps its place in the order. True if it is new."""
        with self._lock:
            new = self.get(kind, key) is None
            self._database.execute(
                "INSERT INTO resources (kind, key, value) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
                (kind, key.lower(), json.dumps(value)),
            )
        return new

    def update(self, kind: str, key: str, change: Callable[[Value], Value | None]) -> Value | None:
        """Change a resource in one step: `change` may alter its argument, or return another; None if there is none."""
        with self._lock:
            value = self.get(kind, key)
            if value is None:
                return None
            value = change(value) or value
            self.put(kind, key, value)
            return value

    def delete(self, kind: str, key: str) -> bool:
        """Remove a resource; False if there was none."""
        with self._lock:
            query = "DELETE FROM resources WHERE kind = ? AND key = ?"
            return self._database.execute(query, (kind, key.lower())).rowcount > 0

    def list(self, kind: str, prefix: str = "") -> list[Value]:
        """The resources whose key begins with `prefix`, oldest first."""
        # A range rather than LIKE: a key may hold the wildcards _ and %.
        query = "SELECT value FROM resources WHERE kind = ? AND key >= ? AND key < ? ORDER BY sequence"
        low = prefix.lower()
        with self._lock:
            rows = self._database.execute(query, (kind, low, low + "\U0010ffff")).fetchall()
        return [json.loads(row[0]) for row in rows]

    def keys(self, kind: str, prefix: str = "") -> Sequence[str]:
        """The keys, in lower case, that begin with `prefix`, oldest first: quick, since no value is read."""
        query = "SELECT key FROM resources WHERE kind = ? AND key >= ? AND key < ? ORDER BY sequence"
        low = prefix.lower()
        with self._lock:
            rows = self._database.execute(query, (kind, low, low + "\U0010ffff")).fetchall()
        return [row[0] for row in rows]

    def search(
        self,
        kind: str,
        fields: Mapping[str, str | bool | None],
        *,
        text: str = "",
        limit: int,
        offset: int = 0,
    ) -> tuple[Sequence[Value], int]:
        """Part of the resources that match, newest first, and how many match in all.

        A resource matches if its top-level fields have these values (None: null, or absent) and its JSON holds `text`
        in any case. Only the part that is asked for is read as JSON here.
        """
        where, arguments = _matching(kind, fields, text)
        query = f"FROM resources WHERE {where}"
        with self._lock:
            count = self._database.execute(f"SELECT COUNT(*) {query}", arguments).fetchone()[0]
            part = [*arguments, limit, offset]
            rows = self._database.execute(
                f"SELECT value {query} ORDER BY sequence DESC LIMIT ? OFFSET ?", part
            ).fetchall()
        return [json.loads(row[0]) for row in rows], count

    def tally(
        self, kind: str, fields: Mapping[str, str | bool | None], by: str, also: str
    ) -> Sequence[tuple[str, str, int]]:
        """How many of the resources that match (as in `search`) have each pair of values of two top-level fields.

        The pairs come in the order of their newest resources.
        """
        where, arguments = _matching(kind, fields)
        query = (
            "SELECT json_extract(value, ?) AS one, json_extract(value, ?) AS two, COUNT(*) FROM resources "  # noqa: S608
            f"WHERE {where} GROUP BY one, two ORDER BY MAX(sequence) DESC"
        )
        with self._lock:
            return self._database.execute(query, [f'$."{by}"', f'$."{also}"', *arguments]).fetchall()

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        with self._lock:
            self._database.close()
            self._guard.close()
