"""Reads JSON that somebody else wrote: what has the wrong shape is their error, and is told by where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import bad_request


def mapping(given: object, where: str) -> Mapping[str, Any]:
    """A JSON object; none at all is an empty one. Raises ServiceError (400)."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise bad_request(f"{where} is not an object", "ValidationError")
    return given


def mappings(given: object, where: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The entries of an object of objects, those that are null left out. Raises ServiceError (400)."""
    return [(name, mapping(one, f"{where}.{name}")) for name, one in mapping(given, where).items() if one is not None]


def text(given: object, where: str) -> str | None:
    """A string; an empty one, or none at all, is None. Raises ServiceError (400)."""
    if given is not None and not isinstance(given, str):
        raise bad_request(f"{where} is not a string", "ValidationError")
    return given or None


def strings(given: object, where: str) -> dict[str, str]:
    """An object of plain values, as strings. Raises ServiceError (400)."""
    entries = mapping(given, where)
    for name, value in entries.items():
        if isinstance(value, Mapping | list):
            raise bad_request(f"{where}.{name} is not a plain value", "ValidationError")
    return {name: str(value) for name, value in entries.items() if value is not None}
