"""The armed faults: kept in the store with how often each was looked at and struck, so a restart changes nothing."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from ..store import Store, Value
from .rules import SLOW, STUCK_OPERATION, Rule

KIND = "faults"
UNTIL_CLEARED = 10 * 365 * 86400.0
"""Seconds for which an operation is held that only clearing its rule lets go on."""


@dataclass
class _Armed:
    """A rule, an id of this very arming of it, and its tally: `seen` occasions, of which `hits` were struck."""

    rule: Rule
    identity: str
    seen: int = 0
    hits: int = 0

    @property
    def spent(self) -> bool:
        return self.rule.count is not None and self.hits >= self.rule.count

    def value(self) -> Value:
        return {"rule": self.rule.given(), "identity": self.identity, "seen": self.seen, "hits": self.hits}


class Armory:
    """Rules in the order in which they were armed. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        # The store's transactions are the lock: with one of its own, who holds both could wait for who holds the other.
        self._store = store
        self._armed: dict[str, _Armed] = {}
        for value in store.list(KIND):
            rule = Rule(**value["rule"])
            self._armed[rule.name] = _Armed(rule, value["identity"], value["seen"], value["hits"])

    def arm(self, rules: Iterable[Rule], *, instead: bool = False) -> None:
        """Arm rules, `instead` of all that are armed or beside them; one of the same name is replaced."""
        with self._store.transaction():
            for name in list(self._armed) if instead else []:
                self._remove(name)
            for rule in rules:
                if rule.name in self._armed:
                    self._remove(rule.name)
                self._armed[rule.name] = armed = _Armed(rule, uuid.uuid4().hex)
                self._store.put(KIND, rule.name, armed.value())

    def clear(self, name: str | None = None) -> list[str]:
        """Disarm the rule called `name`, or all; the answer is the names of those that were armed."""
        with self._store.transaction():
            names = [known for known in self._armed if name in {None, known}]
            for known in names:
                self._remove(known)
            return names

    def _remove(self, name: str) -> None:
        del self._armed[name]
        self._store.delete(KIND, name)

    def listed(self) -> list[dict[str, Any]]:
        """The armed rules: the rule's own keys, `seen`, `hits`, and whether it is `spent`."""
        with self._store.transaction():
            return [
                {**armed.rule.given(), "seen": armed.seen, "hits": armed.hits, "spent": armed.spent}
                for armed in self._armed.values()
            ]

    def strike(self, faults: Collection[str], meant: Callable[[Rule], bool]) -> list[Rule]:
        """The rules of these kinds that strike now, and count it.

        Rules are asked in their order. Those that delay add up; the first other one that strikes is the last.
        """
        if not self._armed:
            return []
        struck: list[Rule] = []
        with self._store.transaction():
            for armed in self._armed.values():
                if armed.rule.fault not in faults or armed.spent or not meant(armed.rule):
                    continue
                strikes = armed.rule.strikes(armed.seen)
                armed.seen += 1
                armed.hits += strikes
                self._store.put(KIND, armed.rule.name, armed.value())
                if strikes:
                    struck.append(armed.rule)
                    if armed.rule.fault != SLOW:
                        break
        return struck

    def hold(self, operation: str, target: str) -> Value | None:
        """What holds a long-running operation that begins on `target` (an ARM id), or None; for `holds`."""
        struck = self.strike({STUCK_OPERATION}, lambda rule: rule.means_operation(operation, target.rsplit("/", 1)[-1]))
        if not struck:
            return None
        with self._store.transaction():
            armed = self._armed.get(struck[0].name)
        if armed is None:  # Cleared in this very moment.
            return None
        seconds = UNTIL_CLEARED if armed.rule.seconds is None else armed.rule.seconds
        return {"by": armed.identity, "until": time.time() + seconds}

    def holds(self, held: Value | None) -> bool:
        """Whether an operation is held still: its time is not up, and its rule is not cleared."""
        if held is None or time.time() >= held["until"]:
            return False
        with self._store.transaction():
            return any(armed.identity == held["by"] for armed in self._armed.values())
