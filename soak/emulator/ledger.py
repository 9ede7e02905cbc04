"""What the emulator has acknowledged, and how to look whether it still knows."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from .api import Api

Check = Callable[[Api], str | None]
"""Looks whether something is as it was acknowledged; the answer is what is wrong, None if nothing is."""


@dataclass(frozen=True)
class _Entry:
    kind: str
    check: Check


class Ledger:
    """Entries by their key. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._new: set[str] = set()
        self.acknowledged: Counter[str] = Counter()

    @contextmanager
    def changing(self, kind: str, key: str, check: Check) -> Iterator[None]:
        """Send a request in here: before its answer nothing is known of `key`, after it `check` tells."""
        with self._lock:
            self._entries.pop(key, None)
            self._new.discard(key)
        yield
        with self._lock:
            self.acknowledged[kind] += 1
            self._entries[key] = _Entry(kind, check)
            self._new.add(key)

    def count(self, kind: str) -> None:
        """Count an acknowledgement of something that has its entry already."""
        with self._lock:
            self.acknowledged[kind] += 1

    def mistakes(self, api: Api, chance: Random, *, older: int | None) -> Iterator[str]:
        """Look at what is new since the last time, and at so many older entries (None: all); yields what is wrong."""
        with self._lock:
            new = sorted(self._new)
            known = sorted(self._entries.keys() - self._new)
            self._new.clear()
        for key in [*new, *_some(known, chance, older)]:
            with self._lock:
                entry = self._entries.get(key)
            if entry is not None and (wrong := entry.check(api)) is not None:
                yield f"{entry.kind} {key}: {wrong}"


def _some(keys: Sequence[str], chance: Random, most: int | None) -> Sequence[str]:
    return keys if most is None or len(keys) <= most else chance.sample(keys, most)
