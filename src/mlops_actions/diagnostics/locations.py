"""Where things are in a YAML file, and in those YAML files that it refers to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

_LINKS = frozenset({"component", "trial", "environment", "conda_file"})
"""Fields of Azure ML's YAML that may name another YAML file."""


@dataclass(frozen=True)
class Location:
    """A place in a file; line and column are counted from 1, as GitHub does."""

    file: str
    line: int
    column: int


@dataclass(frozen=True)
class Entry:
    """A key of a mapping, or an item of a list: its path from the top, its text if it is a scalar, and where it is.

    In a file that is referred to, the path begins with that of the reference.
    """

    path: tuple[str, ...]
    text: str | None
    key: Location
    value: Location


def entries(file: Path) -> list[Entry]:
    """All entries of a YAML file in their order, after each that names another YAML file the entries of that.

    Empty if the file cannot be read or is no YAML: that is another error's to tell.
    """
    return list(_of_file(file, (), set()))


def own_entries(file: Path) -> list[Entry]:
    """The entries of the file alone, whatever it refers to; empty as `entries` is."""
    return list(_of_one_file(file, ()))


def linked_file(file: Path, text: str) -> Path | None:
    """The YAML file that a text in `file` refers to, if it refers to one that is there."""
    if not text.endswith((".yaml", ".yml")) or "\n" in text or "://" in text or text.startswith("azureml:"):
        return None
    path = Path(os.path.normpath(file.parent / text.removeprefix("file:")))
    return path if path.is_file() else None


def at_path(found: list[Entry], path: str) -> tuple[Entry | None, bool]:
    """The entry at a path such as `jobs.train.inputs.epochs` or `tags.0`; or the last on the way, and False.

    A key may have dots of its own.
    """
    best: Entry | None = None
    for entry in found:
        own = ".".join(entry.path)
        if own == path:
            return entry, True
        if path.startswith(f"{own}.") and (best is None or len(entry.path) > len(best.path)):
            best = entry
    return best, False


def _of_file(file: Path, inside: tuple[str, ...], seen: set[Path]) -> Iterator[Entry]:
    if (real := file.resolve()) in seen:
        return
    seen.add(real)
    for entry in _of_one_file(file, inside):
        yield entry
        linked = linked_file(file, entry.text or "") if entry.path[-1] in _LINKS else None
        if linked is not None:
            yield from _of_file(linked, entry.path[:-1], seen)


def _of_one_file(file: Path, inside: tuple[str, ...]) -> Iterator[Entry]:
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    yield from _below(root, inside, str(file), set())


def _below(node: yaml.Node | None, inside: tuple[str, ...], file: str, seen: set[int]) -> Iterator[Entry]:
    """The entries below a node. What several aliases stand for is told once: else a few lines could be millions."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                path = (*inside, str(key.value))
                yield Entry(path, _text(value), _location(file, key), _location(file, value))
                yield from _below(value, path, file, seen)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            path = (*inside, str(number))
            place = _location(file, value)
            yield Entry(path, _text(value), place, place)
            yield from _below(value, path, file, seen)


def _text(node: yaml.Node) -> str | None:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _location(file: str, node: yaml.Node) -> Location:
    return Location(file, node.start_mark.line + 1, node.start_mark.column + 1)
