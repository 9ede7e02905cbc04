"""Everything the emulator remembers, in one SQLite file in WAL mode: what was acknowledged survives a `kill -9`."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


class Store:
    """Resources by kind and key; keys are compared without regard to case, as ARM ids are.

    Safe to use from several threads: every call is one transaction, under one lock.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(_SCHEMA)

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

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        with self._lock:
            self._database.close()
