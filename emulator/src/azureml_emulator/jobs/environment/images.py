"""What is known of an image by its name alone: `images.yaml` says for which."""

from __future__ import annotations

import fnmatch
import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).with_name("images.yaml")
_TAG_OF_PYTHON = re.compile(r"(?P<version>3\.\d+)(?![\d])")
_PYTHON_IN_NAME = re.compile(r"(?<![a-z])py(?:thon)?3\.?(?P<minor>\d{1,2})(?!\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Image:
    """An image's name, the `language` it is for if that is not Python, and whether it is known to hold nothing else."""

    name: str
    language: str | None
    is_plain: bool
    python: str | None


@functools.cache
def _table() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def describe(name: str) -> Image:
    """What is known of the image called `name`."""
    repository, tag = _parts(name)
    languages = _table()["foreign"].items()
    language = next((one for one, patterns in languages if _is_one_of(repository, patterns)), None)
    is_python = repository.rsplit("/", 1)[-1] == "python"
    said = _TAG_OF_PYTHON.match(tag) if is_python else None
    named = _PYTHON_IN_NAME.search(name)
    python = said["version"] if said else f"3.{named['minor']}" if named else None
    return Image(name, language, _is_one_of(repository, _table()["plain"]), python)


def _parts(name: str) -> tuple[str, str]:
    """Repository and tag; the tag is empty if there is none."""
    whole = name.strip().lower().partition("@")[0]
    head, slash, last = whole.rpartition("/")
    last, _, tag = last.partition(":")
    repository = f"{head}{slash}{last}"
    for prefix in ("docker.io/", "index.docker.io/", "registry.hub.docker.com/", "library/"):
        repository = repository.removeprefix(prefix)
    return repository, tag


def _is_one_of(repository: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(repository, pattern) for pattern in patterns)
