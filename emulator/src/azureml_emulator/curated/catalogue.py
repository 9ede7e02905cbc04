"""Reads the catalogue: a curated environment's name to the packages that stand for it on a machine without a GPU.

The emulator's own catalogue is `curated.yaml` beside this file, which says what an entry is. A user's entries, in a
file of the same form, come before it.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FILE = "curated.yaml"
"""The user's file in the state folder."""

_OWN = Path(__file__).with_name("curated.yaml")
_PREFIX = "azureml-"
"""What names in a workspace begin with; in the registry some have it and some have not."""
_KEYS = frozenset({"names", "listed", "python", "pip", "variables", "about"})
_PYTHON_IN_NAME = re.compile(r"(?<![a-z])py(?:thon)?3\.?(?P<minor>\d{1,2})(?!\d)", re.IGNORECASE)
_VERSION = r"(?P<version>\d+(?:\.\d+)*)"
_IMAGE = re.compile(r"mcr\.microsoft\.com/azureml/curated/(?P<name>[^:@/]+)", re.IGNORECASE)


class CatalogueError(Exception):
    """A catalogue that cannot be read; the text says where it is wrong."""


@dataclass(frozen=True)
class Curated:
    """A curated environment as it is here: Python as `major.minor` (None: any), and requirements for pip."""

    name: str
    about: str
    python: str | None
    pip: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Entry:
    patterns: tuple[re.Pattern[str], ...]
    listed: tuple[str, ...]
    about: str
    python: str | None
    pip: tuple[str, ...]
    variables: Mapping[str, str]

    def curated(self, name: str) -> Curated | None:
        plain = name[len(_PREFIX) :] if name.lower().startswith(_PREFIX) else name
        for pattern in self.patterns:
            if match := pattern.fullmatch(name) or pattern.fullmatch(plain):
                found = match.groupdict().get("version") or ""
                said = _PYTHON_IN_NAME.search(name)
                python = f"3.{said['minor']}" if said else self.python
                pip = tuple(line.replace("{version}", found) for line in self.pip)
                return Curated(name, self.about, python, pip, self.variables)
        return None


@dataclass(frozen=True)
class _File:
    entries: tuple[_Entry, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)


class Catalogue:
    """All of it: a user's file, if there is one, before the emulator's own. Safe to use from threads.

    The user's file may be changed, come and go while this is in use.
    """

    def __init__(self, extra: Path | None = None) -> None:
        self._extra = extra
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, int], _File] | None = None

    def find(self, name: str) -> Curated | None:
        """The environment of this name, or None if no entry has it. Raises CatalogueError."""
        entries = self._entries()
        called = next((one for entry in entries for one in entry.listed if one.lower() == name.lower()), name)
        return next((found for entry in entries if (found := entry.curated(called))), None)

    def of_image(self, image: str) -> Curated | None:
        """The environment that one of Azure's curated images is of, or None. Raises CatalogueError."""
        match = _IMAGE.match(image)
        return self.find(match["name"]) if match else None

    def names(self) -> list[str]:
        """The names that a listing shows, in order. Raises CatalogueError."""
        found = {name.lower(): name for entry in reversed(self._entries()) for name in entry.listed}
        return [found[key] for key in sorted(found)]

    def packages(self) -> Mapping[str, str]:
        """The user's conda packages that PyPI has, by conda's name. Raises CatalogueError."""
        return self._users().packages

    def _entries(self) -> tuple[_Entry, ...]:
        return (*self._users().entries, *_own().entries)

    def _users(self) -> _File:
        if self._extra is None:
            return _File()
        with self._lock:
            try:
                known = self._extra.stat()
            except FileNotFoundError:
                return _File()
            stamp = (known.st_mtime_ns, known.st_size)
            if self._read is None or self._read[0] != stamp:
                self._read = (stamp, read(self._extra))
            return self._read[1]


@functools.cache
def _own() -> _File:
    return read(_OWN)


def keep(content: bytes, state: Path) -> None:
    """Make the content of a user's file that of a state folder; an emulator that runs sees it at once."""
    part = state / f"{FILE}.part"
    part.write_bytes(content)
    part.replace(state / FILE)


def read(file: Path) -> _File:
    """The entries of a catalogue's file. Raises CatalogueError."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise CatalogueError(f"{file} cannot be read: {error}") from error
    if not isinstance(document, dict) or document.keys() - {"environments", "packages"}:
        raise CatalogueError(f"{file} is not a mapping with `environments` and `packages`")
    entries, packages = document.get("environments") or [], document.get("packages") or {}
    if not isinstance(entries, list):
        raise CatalogueError(f"{file}: `environments` is not a list")
    if not isinstance(packages, dict):
        raise CatalogueError(f"{file}: `packages` is not a mapping of conda's names to PyPI's")
    return _File(
        tuple(_entry(one, f"{file}: environment {number}") for number, one in enumerate(entries, 1)),
        {str(conda).lower(): str(pypi) for conda, pypi in packages.items()},
    )


def _entry(given: object, where: str) -> _Entry:
    if not isinstance(given, dict):
        raise CatalogueError(f"{where} is not a mapping")
    if unknown := sorted(str(key) for key in given.keys() - _KEYS):
        raise CatalogueError(f"{where} has unknown keys: {', '.join(unknown)}")
    names, listed = _strings(given, "names", where), _strings(given, "listed", where)
    if not names and not listed:
        raise CatalogueError(f"{where} has no `names`")
    python, variables = given.get("python"), given.get("variables") or {}
    if python is not None and not (isinstance(python, str) and re.fullmatch(r"3\.\d+", python)):
        raise CatalogueError(f"{where}: python is {python!r}, not a version in quotes such as '3.10'")
    if not isinstance(variables, dict):
        raise CatalogueError(f"{where}: `variables` is not a mapping")
    return _Entry(
        patterns=tuple(_pattern(name) for name in (*names, *listed)),
        listed=listed,
        about=str(given.get("about") or ""),
        python=python,
        pip=_strings(given, "pip", where),
        variables={str(name): str(value) for name, value in variables.items()},
    )


def _strings(given: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = given.get(key) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise CatalogueError(f"{where}: `{key}` is not a list of texts")
    return tuple(value)


def _pattern(name: str) -> re.Pattern[str]:
    parts = re.split(r"(\{version\}|\*|\?)", name)
    special = {"{version}": _VERSION, "*": ".*", "?": "."}
    return re.compile("".join(special.get(part, re.escape(part)) for part in parts), re.IGNORECASE)
