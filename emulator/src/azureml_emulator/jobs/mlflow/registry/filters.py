"""The filters of searches in MLflow's model registry."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .bodies import invalid

_LONGEST_FILTER = 2000
_CONDITION = re.compile(
    r"\s*(?:attributes?\.)?(?P<field>name|run_id|source_path|version_number|tags?\.(?:\w+|`[^`]+`|\"[^\"]+\"))\s*"
    r"(?P<comparison>=|!=|LIKE|ILIKE)\s*'(?P<value>[^']*)'\s*",
    re.IGNORECASE,
)

Compare = Callable[[str, str], bool]


def _like(pattern: str, *, flags: int = 0) -> re.Pattern[str]:
    parts = (".*" if part == "%" else "." if part == "_" else re.escape(part) for part in re.split("([%_])", pattern))
    return re.compile("".join(parts), flags | re.DOTALL)


_COMPARE: dict[str, Compare] = {
    "=": lambda value, given: value == given,
    "!=": lambda value, given: value != given,
    "LIKE": lambda value, given: bool(_like(given).fullmatch(value)),
    "ILIKE": lambda value, given: bool(_like(given, flags=re.IGNORECASE).fullmatch(value)),
}


def conditions(text: str) -> list[tuple[str, Compare, str]]:
    """The parts of a search's filter, all of which have to hold: field, comparison, value.

    Raises ServiceError (400) for a filter that is none.
    """
    if len(text) > _LONGEST_FILTER:
        raise invalid(f"The filter string has more than {_LONGEST_FILTER} characters.")
    found = []
    for part in re.split(r"\bAND\b(?=(?:[^']*'[^']*')*[^']*$)", text, flags=re.IGNORECASE) if text.strip() else []:
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise invalid(f"Invalid filter string: {text}")
        field = match["field"].replace("`", "").replace('"', "")
        found.append((field, _COMPARE[match["comparison"].upper()], match["value"]))
    return found


def holds(found: dict[str, Any], wanted: list[tuple[str, Compare, str]]) -> bool:
    """Whether a model or version, as it is answered, is one that the filter asks for."""
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    for field, compare, given in wanted:
        kind, _, key = field.partition(".")
        value = tags.get(key) if key and kind.lower() in {"tag", "tags"} else found.get(field.lower())
        if value is None or not compare(str(value), given):
            return False
    return True


def names(wanted: list[tuple[str, Compare, str]]) -> list[str]:
    """The names that the filter asks for by `name = '…'`."""
    return [value for field, compare, value in wanted if field == "name" and compare is _COMPARE["="]]
