"""Splits a table, the files that an MLTable names, into pieces of about the same size without reading its rows.

A mini batch never crosses the border of a file: a file up to the size is one mini batch, a larger one is several
(Azure's rule, "Parameters for ParallelRunConfig", `mini_batch_size` of a tabular input).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import frames, partitions
from .paths import listed

LINES = frozenset({"read_delimited", "read_json_lines"})
_NOT_IN_BYTES = frozenset({"utf16", "utf-16"})


def split(root: str, table: Mapping[str, Any], size: int, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The mini batches of a table: their `pieces`, and the partition's `keys` and `where`.

    Raises UnreadableTable and NoPartition.
    """
    found = listed(root, table["paths"])
    if keys:
        return _by_keys(root, table, found, keys)
    return ({"pieces": [piece]} for file in found for piece in _pieces(file, table["read"], size))


def _pieces(file: str, read: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    length = Path(file).stat().st_size
    if read["kind"] == "read_parquet":
        yield from _row_groups(file, size)
    elif length <= size or not _splits(read):
        yield {"path": file}
    else:
        for start in range(0, length, size):
            yield {"path": file, "start": start, "end": min(start + size, length)}


def _splits(read: Mapping[str, Any]) -> bool:
    """Whether the file's rows can be found from its middle: not if a row may have several lines."""
    encoding = str(read.get("encoding") or "utf8").lower()
    return read["kind"] in LINES and not read.get("support_multi_line") and encoding not in _NOT_IN_BYTES


def _row_groups(file: str, size: int) -> Iterator[dict[str, Any]]:
    """Pieces of whole row groups: a file of a single one is not split."""
    groups: list[int] = []
    held = 0
    for group, length in enumerate(frames.row_group_sizes(file)):
        if groups and held + length > size:
            yield {"path": file, "groups": groups}
            groups, held = [], 0
        groups.append(group)
        held += length
    if groups:
        yield {"path": file, "groups": groups}


def _by_keys(
    root: str, table: Mapping[str, Any], found: Iterator[str], keys: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """One mini batch per combination of values, in the order in which they first come."""
    layout = partitions.Format(table["format"]) if table["format"] else None
    in_paths = layout is not None and all(key in layout.names for key in keys)
    groups: dict[tuple[Any, ...], list[str]] = {}
    if layout is not None and in_paths:
        for file in found:
            groups.setdefault(partitions.pick(layout.values(os.path.relpath(file, root)), keys, file), []).append(file)
    else:
        reader = frames.Reader(root, table)
        for file in found:
            for one in reader.combinations(file, keys):
                groups.setdefault(one, []).append(file)
    for one, paths in groups.items():
        chosen = {key: one[place] for place, key in enumerate(keys)}
        yield {"pieces": [{"path": path} for path in paths], "keys": chosen, "where": {} if in_paths else chosen}
