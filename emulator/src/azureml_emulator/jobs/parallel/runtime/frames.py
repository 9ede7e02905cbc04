"""Reads pieces of a table into a pandas DataFrame, as the transformations of its MLTable say.

After the reference "CLI (v2) MLTable YAML schema", and compared with what the package mltable 1.7 reads. The types of
columns are those of the first rows of the first file, so that all mini batches have the same; of dates only the forms
2020-12-31 (with a time, too) and 12/31/2020 are recognized. Rows with more fields than columns are an error.
"""

from __future__ import annotations

import datetime as dt
import importlib
import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from . import partitions
from .paths import listed

PATH = "Path"
_SAMPLE_LINES = 200
_UTF_16 = "utf-16"
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{3}(?:\d{3})?)?)?(?:Z|[+-]\d{2}:\d{2})?)?$")
_AMERICAN = re.compile(r"\d{1,2}/\d{1,2}/\d{4}$")
_ENCODINGS = {"utf8": "utf-8-sig", "utf-8": "utf-8-sig", "utf8bom": "utf-8-sig", "iso88591": "iso-8859-1",
              "latin1": "latin-1", "utf16": "utf-16", "windows1252": "cp1252", "ascii": "ascii"}  # fmt: skip


class WrongTable(Exception):  # noqa: N818
    """The table's rows are not as its MLTable says; the message tells how."""


class Reader:
    """Reads the files of one table, with the pandas of the job's environment."""

    def __init__(self, root: str, table: Mapping[str, Any]) -> None:
        self._pandas: Any = importlib.import_module("pandas")
        self._root = root
        self._read: Mapping[str, Any] = table["read"]
        self._format = partitions.Format(table["format"]) if table["format"] else None
        self._steps: Sequence[Mapping[str, Any]] = table["steps"]
        self._first = next(listed(root, table["paths"]))
        self._schema: tuple[list[str], Mapping[str, Any]] | None = None
        self._last: tuple[str, Any] | None = None

    def frame(self, pieces: Sequence[Mapping[str, Any]], where: Mapping[str, Any]) -> Any:
        """The rows of the pieces that have these values. Raises WrongTable, and what pandas raises."""
        parts = [self._chosen(self._rows(piece), where) for piece in pieces]
        frame = parts[0] if len(parts) == 1 else self._pandas.concat(parts, ignore_index=True)
        for step in self._steps:
            frame = self._step(frame, step)
        return frame.reset_index(drop=True)

    def combinations(self, file: str, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        """The combinations of the keys' values in a file's rows, in the order in which they come."""
        frame = self._rows({"path": file})
        for key in keys:
            if key not in frame.columns:
                raise partitions.NoPartition(f"{file} has no column {key}, a partition key")
        unique = frame[list(keys)].drop_duplicates()
        return [tuple(self._plain(value) for value in row) for row in unique.itertuples(index=False, name=None)]

    def _plain(self, value: Any) -> Any:
        if self._pandas.isna(value):
            return None
        value = value.item() if hasattr(value, "item") else value
        return value if isinstance(value, (str, int, float, bool)) else str(value)

    def _chosen(self, frame: Any, where: Mapping[str, Any]) -> Any:
        for key, value in where.items():
            column = frame[key]
            frame = frame[column.isna() if value is None else column.map(self._plain) == value]
        return frame

    def _rows(self, piece: Mapping[str, Any]) -> Any:
        path = piece["path"]
        whole = "start" not in piece and "groups" not in piece
        if whole and self._last is not None and self._last[0] == path:
            return self._last[1]
        kind = self._read["kind"]
        if kind == "read_delimited":
            frame = self._delimited(piece)
        elif kind == "read_json_lines":
            frame = self._json_lines(piece)
        else:
            frame = self._parquet(piece)
        frame = self._with_path(frame, path)
        if whole:
            self._last = (path, frame)  # Mini batches by keys read the same file one after the other.
        return frame

    def _with_path(self, frame: Any, path: str) -> Any:
        if self._read.get("include_path_column"):
            frame.insert(0, PATH, path)
        found: Mapping[str, Any] | None = {}
        if self._format is not None:
            found = self._format.values(os.path.relpath(path, self._root))
        if found is None:
            raise WrongTable(f"{path} does not match the partition_format")
        return frame.assign(**found)

    def _delimited(self, piece: Mapping[str, Any]) -> Any:
        path, header = piece["path"], self._read.get("header") or "all_files_same_headers"
        if header == "all_files_different_headers":
            columns, types = self._sample(path, header)
        else:
            self._schema = self._schema or self._sample(self._first, header)
            columns, types = self._schema
        headless = header == "no_header" or (header == "from_first_file" and path != self._first)
        with self._open(path) as file:
            text = self._decoded(_lines(file, piece, after=0 if headless else len(file.readline())))
        read = {name: str if kind is dt.datetime else kind for name, kind in types.items()}
        try:
            frame = self._csv(text, columns, read)
        except ValueError:
            frame = self._csv(text, columns, {})  # A column has other values than in the first rows.
        times = {name: self._times(frame[name]) for name, kind in types.items() if kind is dt.datetime}
        return frame.assign(**times)

    def _sample(self, path: str, header: str) -> tuple[list[str], Mapping[str, Any]]:
        """The columns' names, and the types of those that have one that all their values fit in."""
        with self._open(path) as file:
            lines = [file.readline() for _ in range(_SAMPLE_LINES)]
        head = self._decoded(lines[0])
        if not head.strip():
            raise WrongTable(f"{path} has no header")
        columns = [str(name) for name in self._csv(head, None, str).iloc[0].fillna("")]
        if header == "no_header":
            columns = [f"Column{place}" for place in range(1, len(columns) + 1)]
        if not self._read.get("infer_column_types", True):
            return columns, dict.fromkeys(columns, str)
        rows = self._csv(self._decoded(b"".join(lines[0 if header == "no_header" else 1 :])), columns, {})
        return columns, {name: kind for name in columns if (kind := self._widest(rows[name])) is not None}

    def _widest(self, column: Any) -> Any:
        kinds = self._pandas.api.types
        if column.isna().all() or kinds.is_bool_dtype(column) or kinds.is_integer_dtype(column):
            return None
        if kinds.is_float_dtype(column):
            return float
        values = [str(value) for value in column.dropna()]
        return dt.datetime if any(all(map(one.match, values)) for one in (_ISO, _AMERICAN)) else str

    def _times(self, column: Any) -> Any:
        """Strings as times without a time zone, in UTC if they had one."""
        found = column.map(_time, na_action="ignore")
        return self._pandas.to_datetime(found, errors="coerce", utc=True).dt.tz_localize(None)

    def _csv(self, text: str, columns: Sequence[str] | None, types: Any) -> Any:
        if not text.strip():
            return self._pandas.DataFrame(columns=columns)
        return self._pandas.read_csv(
            io.StringIO(text),
            sep=self._read.get("delimiter") or ",",
            header=None,
            names=columns,
            index_col=False,
            dtype=types or None,
            keep_default_na=False,
            na_values=[] if self._read.get("empty_as_string") else [""],
        )

    def _encoding(self) -> str:
        encoding = str(self._read.get("encoding") or "utf8").lower()
        return _ENCODINGS.get(encoding, encoding)

    def _open(self, path: str) -> BinaryIO:
        if self._encoding() != _UTF_16:
            return Path(path).open("rb")
        # Its lines do not end at a byte of their own.
        return io.BytesIO(Path(path).read_bytes().decode(_UTF_16, errors="replace").encode())

    def _decoded(self, data: bytes) -> str:
        return data.decode("utf-8" if self._encoding() == _UTF_16 else self._encoding(), errors="replace")

    def _json_lines(self, piece: Mapping[str, Any]) -> Any:
        rows = []
        with self._open(piece["path"]) as file:
            lines = self._decoded(_lines(file, piece, after=0)).split("\n")
        for line in lines:
            if not line.strip():
                continue
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                if self._read.get("invalid_lines") != "drop":
                    raise WrongTable(f"{piece['path']}: a line is no JSON: {error}") from error
        return self._pandas.DataFrame(rows)

    def _parquet(self, piece: Mapping[str, Any]) -> Any:
        if "groups" not in piece:
            return self._pandas.read_parquet(piece["path"])
        with _parquet_file(piece["path"]) as opened:
            return opened.read_row_groups(piece["groups"]).to_pandas()

    def _step(self, frame: Any, step: Mapping[str, Any]) -> Any:
        if "drop" in step:
            return frame.drop(columns=step["drop"], errors="ignore")
        if "keep" in step:
            return frame[[name for name in step["keep"] if name in frame.columns]]
        converted = {name: self._converted(frame[name], step) for name in step["convert"] if name in frame.columns}
        return frame.assign(**converted)

    def _converted(self, column: Any, step: Mapping[str, Any]) -> Any:
        """The column in another type; values that have none there become null, as in the mltable package."""
        kind, pd = step["type"], self._pandas
        if kind == "string":
            return column.map(str, na_action="ignore")
        if kind == "datetime":
            return pd.to_datetime(column, errors="coerce", format=(step.get("formats") or [None])[0])
        if kind == "boolean":
            true = {str(one) for one in step.get("true_values") or ["True", "true", "1"]}
            false = {str(one) for one in step.get("false_values") or ["False", "false", "0"]}
            return column.map(lambda value: True if str(value) in true else False if str(value) in false else None)
        numbers = pd.to_numeric(column, errors="coerce")
        return numbers.astype("Int64") if kind == "int" and numbers.isna().any() else numbers.astype(kind)


def _time(text: object) -> dt.datetime | None:
    """The time in a string of one of the two forms, None if there is none."""
    try:
        if _AMERICAN.match(str(text)):
            return dt.datetime.strptime(str(text), "%m/%d/%Y").replace(tzinfo=dt.timezone.utc)  # noqa: UP017
        found = dt.datetime.fromisoformat(re.sub(r"Z$", "+00:00", str(text)))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.timezone.utc)  # noqa: UP017


def row_group_sizes(file: str) -> list[int]:
    """The sizes of a Parquet file's row groups in bytes, not compressed."""
    with _parquet_file(file) as opened:
        return [opened.metadata.row_group(place).total_byte_size for place in range(opened.metadata.num_row_groups)]


def _parquet_file(path: str) -> Any:
    return importlib.import_module("pyarrow.parquet").ParquetFile(path)


def _lines(file: BinaryIO, piece: Mapping[str, Any], *, after: int) -> bytes:
    """The lines that begin in the piece, but not in the first `after` bytes of the file."""
    start = max(piece.get("start", 0), after)
    if "end" not in piece:
        file.seek(start)
        return file.read()
    if start > after:
        file.seek(start - 1)
        file.readline()  # The rest of a line that begins before: empty but for its end if none does.
    else:
        file.seek(start)
    start = file.tell()
    if start >= piece["end"]:
        return b""
    data = file.read(piece["end"] - start)
    return data if data.endswith(b"\n") else data + file.readline()
