"""The files and folders that a YAML definition names, which are uploaded: on a runner none is out of the workspace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlops_actions import definitions, github
from mlops_actions.assets.content import DOCUMENTS, FILES, uploaded
from mlops_actions.confinement import confine
from mlops_actions.errors import ActionError

# What the hash of an asset does without, since it is not read there: files in a folder that is named too, and the like.
_MORE = frozenset({"dockerfile_path", "local_path", "flow", "py_files", "jars", "files", "archives", "schema"})
_KEYS = frozenset({*DOCUMENTS, *FILES, *_MORE})


def confine_definition(file: Path, document: Mapping[str, Any], inputs: Mapping[str, str] | None = None) -> None:
    """Check what `document`, read from `file`, names, and what the YAML files that it refers to name.

    `inputs` are values for the inputs of a pipeline, which may be paths too. Raises ActionError at the line.
    """
    if not github.on_runner():
        return
    reading = _Reading()
    reading.document(file, document)
    known = document.get("inputs")
    for name, value in (inputs or {}).items():
        # One that has a type is a mapping, and of those only data is read from a path.
        if isinstance(known, Mapping) and isinstance(known.get(name), Mapping):
            reading.named(file, f"inputs.{name}", "path", value)


class _Reading:
    def __init__(self) -> None:
        self._seen: set[Path] = set()

    def document(self, file: Path, document: Mapping[str, Any]) -> None:
        """Check all that the document names."""
        self._seen.add(file.resolve())
        for path, key, value in _texts(document, "", "", set()):
            if key in _KEYS:
                self.named(file, path, key, value)

    def named(self, file: Path, path: str, key: str, value: str) -> None:
        """Check one name, and all that is behind it."""
        target = _local(file, value)
        if target is None or not os.path.lexists(target):
            return
        _confine(target, file, path)
        if target.is_dir():
            for _, inner in uploaded(target):
                _confine(inner, file, path)
        elif key in DOCUMENTS and target.suffix in {".yaml", ".yml"} and target.resolve() not in self._seen:
            self.document(target, definitions.read(target, key))


def _confine(target: Path, file: Path, path: str) -> None:
    try:
        confine(target, f"{file}, {path}")
    except ActionError as error:
        raise ActionError(str(error), file=str(file), line=definitions.line_of(file, path)) from None


def _texts(value: Any, path: str, key: str, seen: set[tuple[int, str]]) -> Iterator[tuple[str, str, str]]:
    """The texts in a document: the path to each, the key that it stands under, and the text.

    What several aliases stand for is told once: else a few lines of YAML could be millions of texts.
    """
    if isinstance(value, Mapping | list):
        if (id(value), key) in seen:
            return
        seen.add((id(value), key))
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, f"{path}.{name}".lstrip("."), str(name), seen)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path, key, seen)
    elif isinstance(value, str):
        yield path, key, value


def _local(file: Path, value: str) -> Path | None:
    """The path that the SDK takes a value for, if it is one on this machine."""
    if not value or "\n" in value or "\0" in value or value.startswith(("azureml:", "git+")):
        return None
    parts = urlsplit(value.replace("[", "%5B"))  # a bracket is not the beginning of an address here
    if parts.scheme and parts.netloc:
        return None
    path = Path(value.removeprefix("file:").replace("///", "/", 1))
    try:
        return file.parent / path.expanduser()
    except RuntimeError:  # there is no such user
        return file.parent / path
