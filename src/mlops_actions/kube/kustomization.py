"""The folders that a kustomization is made of: on a runner none of them is out of the workspace.

kustomize itself lets no file come from outside of the kustomization that names it, but folders from anywhere:
https://kubectl.docs.kubernetes.io/faq/kustomize (security: file 'foo' is not in or below)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from mlops_actions.confinement import confine
from mlops_actions.errors import ActionError

FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_FIELDS = ("resources", "bases", "components", "generators", "transformers", "validators")


def require_kustomization(folder: Path) -> None:
    """Raise ActionError unless the folder is a kustomization that is all in the workspace."""
    if not folder.is_dir():
        raise ActionError(f"manifests: there is no folder {folder}")
    if not any((folder / name).is_file() for name in FILES):
        raise ActionError(f"manifests: {folder} has no kustomization.yaml; name a kustomize base or overlay")
    _confine(folder, set())


def _confine(folder: Path, seen: set[Path]) -> None:
    seen.add(folder.resolve())
    for name in FILES:
        file = folder / name
        for field, other in _folders(file):
            try:
                confine(other, f"manifests: {file}, {field}")
            except ActionError as error:
                raise ActionError(str(error), file=str(file)) from None
            if other.resolve() not in seen:
                _confine(other, seen)


def _folders(file: Path) -> Iterator[tuple[str, Path]]:
    """The folders that a kustomization refers to, and where; none if it is no YAML, which kustomize tells."""
    if not file.is_file():
        return
    confine(file, "manifests")
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return
    for field in _FIELDS:
        entries = document.get(field) if isinstance(document, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, str) and "\n" not in entry and (file.parent / entry).is_dir():
                yield field, file.parent / entry
