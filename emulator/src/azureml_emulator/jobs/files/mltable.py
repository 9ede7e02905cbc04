"""MLTable: a folder with a file `MLTable` whose `paths` name the files of a table, near or far.

The file's format: https://azuremlschemas.azureedge.net/latest/MLTable.schema.json. Only `paths` are read here: the
transformations are the business of the package `mltable`, in the command.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ...blobs import Place
from ...context import Context
from . import fetching as transfers
from .data_errors import DataError
from .web import Fetching

FILE = "MLTable"

_KINDS = ("file", "folder", "pattern")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_WILDCARD = re.compile(r"[*?\[]")


def paths(text: str | bytes) -> list[tuple[str, str]]:
    """The (kind, path) pairs of an MLTable's `paths`; a kind is `file`, `folder` or `pattern`. Raises DataError."""
    try:
        table = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError("InvalidInput", f"{FILE} is not YAML: {error}") from error
    entries = table.get("paths") if isinstance(table, Mapping) else None
    if not isinstance(entries, list) or not entries:
        raise DataError("InvalidInput", f"{FILE} has no list 'paths'")
    return [_entry(one) for one in entries]


def _entry(entry: Any) -> tuple[str, str]:
    named = [kind for kind in _KINDS if isinstance(entry, Mapping) and isinstance(entry.get(kind), str)]
    if len(named) != 1:
        raise DataError("InvalidInput", f"{FILE} has the path {entry!r}, which is none of {', '.join(_KINDS)}")
    return named[0], str(entry[named[0]])


def evaluate(context: Context, uri: str, folder: Path, fetching: Fetching) -> list[Path]:
    """Bring into `folder` the files that the MLTable at `uri` names; the answer is the files.

    Those beside the MLTable keep their path, those from elsewhere have the one they have there. Raises DataError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = _read(context, uri, folder, fetching)
    if text is None:
        raise DataError("NotFound", f"{uri}; Not able to find MLTable file")
    found: dict[Path, None] = {}
    for number, (kind, path) in enumerate(paths(text)):
        staging = folder / f".path-{number}"
        where, below = _located(uri, kind, path)
        files = _bring(context, kind, where, staging, fetching)
        if not files:
            raise DataError("NotFound", f"Found no resources for the input provided: '{path}' of the MLTable {uri}")
        for file in files:
            target = folder / below / (file.name if kind == "file" else file.relative_to(staging))
            target.parent.mkdir(parents=True, exist_ok=True)
            found[file.replace(target)] = None
        shutil.rmtree(staging, ignore_errors=True)
    return list(found)


def _read(context: Context, uri: str, folder: Path, fetching: Fetching) -> bytes | None:
    source = transfers.resolve(context, f"{uri.rstrip('/')}/{FILE}")
    if isinstance(source, Place):
        return context.blobs.read(source)
    staging = folder / ".table"
    try:
        fetched = transfers.fetch(context, f"{uri.rstrip('/')}/{FILE}", staging, fetching, kind="uri_file")
        return fetched.files[0].read_bytes()
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _located(table: str, kind: str, path: str) -> tuple[str, str]:
    """The URI that a path means, and the folder below the table's that its files go to."""
    if ".." in path.split("/") and _SCHEME.match(path):
        raise DataError("InvalidInput", f"{FILE} has the path {path}, with '..' as a part of it")
    if _SCHEME.match(path):
        return path, path.rstrip("/").rpartition("/")[2] if kind == "folder" else ""
    relative = posixpath.normpath(path)
    if relative.startswith(("/", "..")):
        raise DataError("InvalidInput", f"{FILE} has the path {path}, which leads out of its folder")
    below = relative if kind == "folder" else posixpath.dirname(_WILDCARD.split(relative, maxsplit=1)[0])
    return (table.rstrip("/") if relative == "." else f"{table.rstrip('/')}/{relative}"), below


def _bring(context: Context, kind: str, uri: str, staging: Path, fetching: Fetching) -> list[Path]:
    """The files of one path, in `staging`."""
    if kind == "file":
        fetched = transfers.fetch(context, uri, staging, fetching, kind="uri_file")
        return fetched.files if fetched.single else []
    base, pattern = _split(uri) if kind == "pattern" else (uri, "**/*")
    transfers.fetch(context, base, staging, fetching, kind="uri_folder")
    try:
        return [file for file in sorted(staging.glob(pattern)) if file.is_file()]
    except ValueError as error:
        raise DataError("InvalidInput", f"{FILE} has the pattern {uri}: {error}") from error


def _split(uri: str) -> tuple[str, str]:
    """A pattern's URI as the folder before its first wildcard, and the pattern below that."""
    match = _WILDCARD.search(uri)
    if match is None:
        base, _, name = uri.rpartition("/")
        return base, name
    base, _, first = uri[: match.start()].rpartition("/")
    return base, first + uri[match.start() :]
