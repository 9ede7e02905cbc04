"""Partitions of files by their paths: folder levels, or a format such as `{Store}/{Date:yyyy/MM/dd}/data.csv`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

_PLACE = re.compile(r"\{(?P<name>[^{}:]+)(?::(?P<pattern>[^{}]+))?\}|(?P<any>\*+)")
_DATE_PARTS = {"yyyy": (r"\d{4}", "year"), "MM": (r"\d{2}", "month"), "dd": (r"\d{2}", "day"),
               "HH": (r"\d{2}", "hour"), "mm": (r"\d{2}", "minute"), "ss": (r"\d{2}", "second")}  # fmt: skip


class NoPartition(Exception):  # noqa: N818
    """A file is in no partition; the message tells why."""


def by_folders(path: str, keys: Sequence[str]) -> dict[str, str]:
    """The values of the keys, one per folder level, in a path relative to the input; `Store=1` has the value 1.

    Raises NoPartition if the file is not as deep as there are keys.
    """
    *folders, _ = path.split("/")
    if len(folders) < len(keys):
        raise NoPartition(f"{path} is not in folders for the partition keys {', '.join(keys)}")
    values = {}
    for level, key in enumerate(keys):
        start, equals, rest = folders[level].partition("=")
        values[key] = rest if equals and start == key else folders[level]
    return values


def pick(found: Mapping[str, Any] | None, keys: Sequence[str], path: str) -> tuple[Any, ...]:
    """The values of the keys among those found in a path. Raises NoPartition."""
    if found is None or any(key not in found for key in keys):
        raise NoPartition(f"{path} has no value for the partition keys {', '.join(keys)}: see the partition_format")
    return tuple(str(found[key]) for key in keys)


class Format:
    """A partition format, as in the transformation `extract_columns_from_partition_format` of an MLTable."""

    def __init__(self, layout: str) -> None:
        self.names: list[str] = []
        self._dates: dict[str, list[str]] = {}
        pattern = _PLACE.sub(
            self._part, re.escape(layout.lstrip("/")).replace(r"\{", "{").replace(r"\}", "}").replace(r"\*", "*")
        )
        self._pattern = re.compile(rf"(?:^|/){pattern}(?=/|$)")

    def _part(self, match: re.Match[str]) -> str:
        if match["any"]:
            return "[^/]*" if len(match["any"]) == 1 else ".*"
        name = match["name"].replace("\\", "")
        group = f"p{len(self.names)}"
        self.names.append(name)
        if match["pattern"] is None:
            return f"(?P<{group}>[^/]+?)"
        parts: list[str] = []

        def part(found: re.Match[str]) -> str:
            digits, unit = _DATE_PARTS[found.group()]
            parts.append(unit)
            return f"(?P<{group}_{unit}>{digits})"

        inside = re.sub("|".join(_DATE_PARTS), part, match["pattern"])
        self._dates[name] = parts
        return inside

    def values(self, path: str) -> dict[str, Any] | None:
        """The columns and values in a path relative to the table; None if it does not have this format.

        Raises NoPartition for a date that there is not.
        """
        found = self._pattern.search(path)
        if found is None:
            return None
        values: dict[str, Any] = {}
        for place, name in enumerate(self.names):
            if name not in self._dates:
                values[name] = found[f"p{place}"]
                continue
            given = {unit: int(found[f"p{place}_{unit}"]) for unit in self._dates[name]}
            try:
                values[name] = dt.datetime(**{"year": 1, "month": 1, "day": 1, **given})  # type: ignore[arg-type]
            except ValueError as error:
                raise NoPartition(f"{path}: {name} is no date: {error}") from error
        return values
