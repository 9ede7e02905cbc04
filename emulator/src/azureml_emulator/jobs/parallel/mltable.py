"""Reads the file MLTable of a table: its paths, and those of its transformations that parallel jobs can do here.

After the reference "CLI (v2) MLTable YAML schema". The job's own Python may have no YAML parser, so it is read here and
handed on as plain values.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

NAME = "MLTable"
_LARGEST = 1 << 20
_READERS: Mapping[str, frozenset[str]] = {
    "read_delimited": frozenset({
        "delimiter", "header", "encoding", "empty_as_string", "include_path_column", "support_multi_line",
        "infer_column_types",
    }),
    "read_json_lines": frozenset({"encoding", "invalid_lines", "include_path_column"}),
    "read_parquet": frozenset({"include_path_column"}),
}  # fmt: skip
_HEADERS = frozenset({"all_files_same_headers", "all_files_different_headers", "from_first_file", "no_header"})
_TYPES = frozenset({"int", "float", "string", "boolean", "datetime"})


class UnusableTable(Exception):  # noqa: N818
    """The MLTable is wrong, or has what is not done here; the message tells what."""


def read(folder: Path) -> dict[str, Any]:
    """The table in this folder as `paths`, `read`, `format` and `steps` (see `runtime.settings`).

    `read` is None for a table of files: one without a transformation that reads them. Raises UnusableTable.
    """
    given = _parsed(folder / NAME)
    paths = [_path(one) for one in _list(given.get("paths"), "paths")]
    if not paths:
        raise UnusableTable("MLTable has no paths")
    table: dict[str, Any] = {"paths": paths, "read": None, "format": None, "steps": []}
    for one in _list(given.get("transformations"), "transformations"):
        name, options = _transformation(one)
        _take(table, name, options)
    return table


def _parsed(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        raise UnusableTable(f"an input of type mltable must have a file {NAME}; there is none")
    if file.stat().st_size > _LARGEST:
        raise UnusableTable(f"{NAME} is larger than {_LARGEST} bytes")
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableTable(f"{NAME} is not YAML: {error}") from error
    if not isinstance(given, Mapping):
        raise UnusableTable(f"{NAME} is not an object")
    return given


def _list(given: object, what: str) -> list[Any]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise UnusableTable(f"MLTable: {what} is not a list")
    return given


def _path(given: object) -> dict[str, str]:
    if isinstance(given, Mapping) and len(given) == 1:
        (kind, path), *_ = given.items()
        if kind in {"file", "folder", "pattern"} and isinstance(path, str) and path:
            return {kind: path}
    raise UnusableTable(f"MLTable: {_short(given)} is no path: it must have one of file, folder and pattern")


def _transformation(given: object) -> tuple[str, Any]:
    if isinstance(given, str):
        return given, {}
    if isinstance(given, Mapping) and len(given) == 1:
        (name, options), *_ = given.items()
        return str(name), options
    raise UnusableTable(f"MLTable: {_short(given)} is no transformation")


def _take(table: dict[str, Any], name: str, options: Any) -> None:
    if name in _READERS:
        table["read"] = _reader(name, options)
    elif name == "extract_columns_from_partition_format":
        layout = options.get("partition_format") if isinstance(options, Mapping) else options
        if not isinstance(layout, str) or not layout:
            raise UnusableTable(f"MLTable: {name} has no partition_format")
        table["format"] = layout
    elif name in {"drop_columns", "keep_columns"}:
        table["steps"].append({name.removesuffix("_columns"): _columns(options, name)})
    elif name == "convert_column_types":
        table["steps"] += [_conversion(one) for one in _list(options, name)]
    else:
        raise UnusableTable(f"MLTable: the transformation {name} is not implemented by this emulator's parallel jobs")


def _reader(name: str, options: Any) -> dict[str, Any]:
    given = options or {}
    if not isinstance(given, Mapping):
        raise UnusableTable(f"MLTable: the options of {name} are not an object")
    read = {"kind": name, **{key: given[key] for key in _READERS[name] & given.keys()}}
    for key, value in read.items():
        if not isinstance(value, str | bool):
            raise UnusableTable(f"MLTable: {name}.{key} is {_short(value)}")
    if (header := read.get("header", "all_files_same_headers")) not in _HEADERS:
        raise UnusableTable(f"MLTable: {name}.header is {header}, not one of {', '.join(sorted(_HEADERS))}")
    if read.get("delimiter") == "":
        raise UnusableTable(f"MLTable: {name}.delimiter is empty")
    return read


def _columns(given: Any, where: str) -> list[str]:
    names = given.get("columns") if isinstance(given, Mapping) else given
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise UnusableTable(f"MLTable: the columns of {where} are not names")
    return list(names)


def _conversion(given: object) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise UnusableTable("MLTable: convert_column_types is not a list of columns and column_type")
    kind: Any = given.get("column_type")
    options: Any = {}
    if isinstance(kind, Mapping) and len(kind) == 1:
        (kind, options), *_ = kind.items()
    if kind not in _TYPES:
        raise UnusableTable(f"MLTable: column_type {_short(kind)} is not one of {', '.join(sorted(_TYPES))}")
    chosen = options if isinstance(options, Mapping) else {}
    lists = {
        key: [str(one) for one in _list(chosen.get(key), key)] for key in ("formats", "true_values", "false_values")
    }
    return {"convert": _columns(given, "convert_column_types"), "type": kind, **lists}


def _short(given: object) -> str:
    # Not what is in a list or object: a few lines of YAML can stand for billions of values.
    return repr(given)[:100] if isinstance(given, str | int | float | None) else f"of type {type(given).__name__}"
