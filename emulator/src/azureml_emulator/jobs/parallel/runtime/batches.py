"""Splits the input of a parallel run into mini batches, always the same ones in the same order."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from . import partitions, tables
from .paths import UnreadableTable, listed, walk
from .settings import Settings


class UnusableInput(Exception):  # noqa: N818
    """The input cannot be split as the job says; the message tells why."""


@dataclass(frozen=True)
class Batch:
    """One mini batch: files, or pieces of the files of a table.

    Attributes:
        index: its place in the order of all mini batches, from 0.
        files: paths; empty for a table.
        pieces: of a table: `path` with `start` and `end` in bytes, or `groups` of rows; the whole file without either.
        keys: the partition's keys and values, if the input is split by keys.
        where: of a table, the values that its rows must have, if the files do not have only such rows.

    """

    index: int
    files: list[str] = field(default_factory=list)
    pieces: list[dict[str, Any]] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)
    where: dict[str, Any] = field(default_factory=dict)


def split(settings: Settings) -> Iterator[Batch]:
    """The mini batches of the input. Raises UnusableInput."""
    try:
        yield from _split(settings)
    except (UnreadableTable, partitions.NoPartition) as error:
        raise UnusableInput(str(error)) from error


def _split(settings: Settings) -> Iterator[Batch]:
    table = settings.table
    if table is not None and table["read"] is not None:
        return _numbered(tables.split(settings.input, table, settings.size, settings.partition_keys))
    files = walk(settings.input) if table is None else listed(settings.input, table["paths"])
    if settings.partition_keys:
        layout = table["format"] if table is not None else None
        return _numbered(_by_keys(settings, files, layout))
    return _numbered({"files": chunk} for chunk in _chunks(files, settings.size))


def _numbered(parts: Iterable[dict[str, Any]]) -> Iterator[Batch]:
    return (Batch(index, **part) for index, part in enumerate(parts))


def _chunks(files: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(files)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk


def _by_keys(settings: Settings, files: Iterable[str], layout: str | None) -> Iterator[dict[str, Any]]:
    keys = list(settings.partition_keys)
    if layout is None:
        # Files of one partition come one after the other, so that only one partition is held at a time.
        named = ((partitions.by_folders(os.path.relpath(path, settings.input), keys), path) for path in files)
        for values, group in itertools.groupby(named, key=lambda one: one[0]):
            yield {"files": [path for _, path in group], "keys": values}
        return
    reading = partitions.Format(layout)
    groups: dict[tuple[str, ...], list[str]] = {}
    for path in files:
        found = reading.values(os.path.relpath(path, settings.input))
        groups.setdefault(partitions.pick(found, keys, path), []).append(path)
    for group_values, paths in groups.items():
        yield {"files": paths, "keys": {key: group_values[place] for place, key in enumerate(keys)}}
