"""Whether a fault rule can be used as it was written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

from .operations import ALLOCATING, LONG_RUNNING, REQUESTS
from .rules import (
    ALLOCATION_FAILED,
    EXPIRED_TOKEN,
    NO_STATUS_IN_TUNNELS,
    PREEMPTED_NODE,
    REFUSE,
    RESET,
    SLOW,
    STATUS,
    STUCK_OPERATION,
    Route,
    Rule,
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class RuleError(ValueError):
    """Rules that cannot be used; `lines` holds one line for each mistake."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


# What may be given to each fault: first what it needs (one of each group), then what it takes.
_AIMED_AT_REQUESTS = ("route", "operation")
_TIMING = frozenset({"name", "fault", "count", "after", "probability", "seed"})
_ANSWER = frozenset({"code", "message"})
_NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    STATUS: (("status",), _AIMED_AT_REQUESTS),
    RESET: ((*_AIMED_AT_REQUESTS, "tunnel"),),
    SLOW: (("seconds",), (*_AIMED_AT_REQUESTS, "tunnel")),
    REFUSE: (("tunnel",),),
    EXPIRED_TOKEN: (),
    STUCK_OPERATION: (("operation",),),
    PREEMPTED_NODE: (),
    ALLOCATION_FAILED: (),
}
_TAKES: dict[str, frozenset[str]] = {
    STATUS: frozenset({"retry_after", "performed"}) | _ANSWER,
    RESET: frozenset({"performed", "after_bytes"}),
    SLOW: frozenset(),
    REFUSE: frozenset(),
    EXPIRED_TOKEN: frozenset(_AIMED_AT_REQUESTS),
    STUCK_OPERATION: frozenset({"seconds", "resource"}),
    PREEMPTED_NODE: frozenset({"node", "compute", "seconds"}) | _ANSWER,
    ALLOCATION_FAILED: frozenset({"node", "compute", "operation", "seconds"}) | _ANSWER,
}
FAULTS = tuple(_NEEDS)
"""The kinds of faults."""


def _text(value: object) -> str | None:
    return None if isinstance(value, str) and value.strip() else "is not a text"


def _name(value: object) -> str | None:
    good = isinstance(value, str) and _NAME.fullmatch(value)
    return None if good else "is not a name: letters, digits, '.', '_' and '-', 100 at most"


def _route(value: object) -> str | None:
    if problem := _text(value):
        return problem
    try:
        Route.parse(str(value))
    except ValueError as error:
        return f"is not a route: {error}"
    return None


def _whole(least: int) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        good = isinstance(value, int) and not isinstance(value, bool) and value >= least
        return None if good else f"is not a whole number from {least} on"

    return check


def _seconds(value: object) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    return None if good else "is not a number of seconds"


def _fraction(value: object) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1
    return None if good else "is not a probability: more than 0, 1 at most"


def _status(value: object) -> str | None:
    low, high = HTTPStatus.BAD_REQUEST.value, 599
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return None if good else f"is not a status of an error: {low} to {high}"


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "is neither true nor false"


_CHECKS: dict[str, Callable[[object], str | None]] = {
    "name": _name,
    "fault": _text,
    "route": _route,
    "operation": _text,
    "tunnel": _text,
    "resource": _text,
    "node": _text,
    "compute": _text,
    "status": _status,
    "code": _text,
    "message": _text,
    "retry_after": _seconds,
    "seconds": _seconds,
    "performed": _flag,
    "after_bytes": _whole(0),
    "count": _whole(1),
    "after": _whole(0),
    "probability": _fraction,
    "seed": _whole(0),
}


def mistakes(given: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
    """What is wrong with a rule as it was written: the key (None: the rule itself) and the text."""
    for key, value in given.items():
        if key not in _CHECKS:
            yield key, f"unknown key '{key}': {', '.join(_CHECKS)}"
        elif problem := _CHECKS[key](value):
            yield key, f"{key}: {value!r} {problem}"
    fault = given.get("fault")
    if not isinstance(fault, str) or fault not in _NEEDS:
        known = ", ".join(FAULTS)
        yield ("fault", f"fault: {fault!r} is none of {known}") if "fault" in given else (None, f"no 'fault': {known}")
        return
    yield from _wrong_keys(fault, given)
    yield from _wrong_operation(fault, given)


def _wrong_keys(fault: str, given: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
    allowed = _TIMING | _TAKES[fault] | {key for group in _NEEDS[fault] for key in group}
    for key in given:
        if key == "tunnel" and fault == STATUS:
            yield key, f"tunnel: {NO_STATUS_IN_TUNNELS}"
        elif key in _CHECKS and key not in allowed:
            yield key, f"{key}: means nothing to the fault {fault}"
    for group in _NEEDS[fault]:
        present = [key for key in group if key in given]
        if not present and not (fault == STATUS and "tunnel" in given):
            yield None, f"the fault {fault} needs {' or '.join(repr(key) for key in group)}"
        elif len(present) > 1:
            yield present[1], f"{' and '.join(present)}: only one of them can be given"
    if "route" in given and "operation" in given and fault == EXPIRED_TOKEN:
        yield "operation", "route and operation: only one of them can be given"
    for key, where in (("performed", "tunnel"), ("after_bytes", "route"), ("after_bytes", "operation")):
        if key in given and where in given:
            yield key, f"{key}: means nothing together with '{where}'"


def _wrong_operation(fault: str, given: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
    operation = given.get("operation")
    if not isinstance(operation, str):
        return
    known: Iterable[str] = {STUCK_OPERATION: LONG_RUNNING, ALLOCATION_FAILED: ALLOCATING}.get(fault, tuple(REQUESTS))
    if not any(fnmatchcase(name, operation) for name in known):
        yield "operation", f"operation: '{operation}' is none of {', '.join(known)}"


def read(given: Mapping[str, Any], *, name: str, seed: int = 0) -> Rule:
    """The rule, called `name` unless it says otherwise. Raises RuleError."""
    wrong = [text for _, text in mistakes(given)]
    if wrong:
        raise RuleError(f"{name}: {text}" for text in wrong)
    return Rule(**{"name": name, "seed": seed, **given})
