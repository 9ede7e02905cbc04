"""What an asset's YAML registers, as one hash: of what it says and of the files that it names, never of their times.

The YAML is read as it stands and not by the SDK, which takes seconds to load: an asset that has not changed needs none
of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops_actions import definitions
from mlops_actions.errors import ActionError

Resolve = Callable[[str, str], str]
"""Makes of a kind of asset (environment, component, data) and a reference to its latest version one by number."""

LABELS = frozenset({"name", "version", "$schema", "description", "tags"})
"""Fields of an asset that may change without its content."""

DOCUMENTS = {
    "conda_file": "",
    "component": "component",
    "trial": "component",
    "environment": "environment",
    "file": "",
}
"""Fields that may name another YAML file, with the kind of the asset that they may refer to instead."""

FILES = {"code": "", "path": "data", "additional_includes": ""}
"""Fields that may name a file or a folder, which is uploaded."""

_KINDS = {**DOCUMENTS, **FILES}


def digest(document: Mapping[str, Any], file: Path, resolve: Resolve) -> str:
    """The hash (SHA-256) of what the YAML `document`, read from `file`, registers.

    A reference `azureml:name@latest` counts as the version that it stands for: what is registered names that. Raises
    ActionError for a file that cannot be read.
    """
    own = {key: value for key, value in document.items() if key not in LABELS}
    said = _Reading(resolve).value(own, "", file.resolve().parent, (file.resolve(),))
    text = json.dumps(said, sort_keys=True, default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


class _Reading:
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    def value(self, value: Any, key: str, base: Path, within: tuple[Path, ...]) -> Any:
        """The value with files in the place of their names; `within` are the YAML files that led to it."""
        if isinstance(value, Mapping):
            return {str(name): self.value(inner, str(name), base, within) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner, key, base, within) for inner in value]
        if not isinstance(value, str) or key not in _KINDS:
            return value
        if value.startswith("azureml:") and value.endswith("@latest") and _KINDS[key]:
            return self._resolve(_KINDS[key], value)
        return self._file(value, key, base, within)

    def _file(self, value: str, key: str, base: Path, within: tuple[Path, ...]) -> Any:
        if "\n" in value or "://" in value or value.startswith(("azureml:", "git+")):
            return value
        path = (base / value.removeprefix("file:")).resolve()
        try:
            if path.is_file() and key in DOCUMENTS and path.suffix in {".yaml", ".yml"} and path not in within:
                return self.value(definitions.read(path, key), "", path.parent, (*within, path))
            if path.is_file():
                return {"file": path.name, "content": _hash(path)}
            if path.is_dir():
                return {"folder": {name: _hash(file) for name, file in uploaded(path)}}
        except OSError as error:
            raise ActionError(f"{path} cannot be read: {error}", file=str(within[0])) from error
        return value


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def uploaded(root: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder that the SDK would upload, links followed: their paths in the folder, and their places.

    It leaves out what `.amlignore`, or else `.gitignore`, in the folder itself says:
    https://learn.microsoft.com/azure/machine-learning/how-to-save-write-experiment-files
    """
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - seldom needed

    ignore = next((file for name in (".amlignore", ".gitignore") if (file := root / name).is_file()), None)
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore else []
    spec = GitIgnoreSpec.from_lines(lines)
    for folder, folders, files in _walk(root):
        for name in sorted(files):
            relative = (folder / name).relative_to(root).as_posix()
            if not spec.match_file(relative):
                yield relative, folder / name
        folders.sort()


def _walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """The folders below a root, links followed, but none into a folder that it lies in."""
    for folder, folders, files in os.walk(root, followlinks=True):
        here = Path(folder).resolve()
        folders[:] = [name for name in folders if (Path(folder) / name).resolve() not in {here, *here.parents}]
        yield Path(folder), folders, files
