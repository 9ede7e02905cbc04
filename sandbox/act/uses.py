"""Finds every action that a workflow can reach, and what stands in for it here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sandbox.processes import SandboxError

STANDINS = Path(__file__).parent.parent / "standins"


@dataclass
class Scan:
    """Walks from a workflow through the actions and workflows that it uses.

    `repositories` are the ones with a checkout on this machine (owner/name to folder), the workflow's own among them.
    Afterwards `mapped` has a folder for each `owner/repo@ref` that act will ask for.
    """

    workdir: Path
    repositories: Mapping[str, Path]
    mapped: dict[str, Path] = field(default_factory=dict)
    _seen: set[Path] = field(default_factory=set)

    def visit(self, file: Path) -> None:
        """Take in the workflow or action `file`, and all that it uses."""
        if file in self._seen:
            return
        self._seen.add(file)
        document = yaml.safe_load(file.read_text()) or {}
        for steps, uses in _groups(document):
            folders = [step["with"]["path"] for step in steps if "path" in (step.get("with") or {})]
            for text in uses:
                if text.startswith("./"):
                    self._local(text.removeprefix("./"), folders)
                else:
                    self._remote(text, file)

    def _local(self, path: str, folders: list[str]) -> None:
        """A path in the workspace: the workflow's repository, or one that the job checks out into a folder."""
        candidates = [self.workdir / path]
        for folder in folders:
            if path.startswith(f"{folder}/"):
                rest = path.removeprefix(f"{folder}/")
                candidates += [checkout / rest for checkout in {self.workdir, *self.repositories.values()}]
        for candidate in candidates:
            if (found := _definition(candidate)) is not None:
                self.visit(found)

    def _remote(self, text: str, file: Path) -> None:
        location, at, ref = text.partition("@")
        owner, _, rest = location.partition("/")
        name, _, path = rest.partition("/")
        repository = f"{owner}/{name}"
        if not at or text.startswith("docker://"):
            raise SandboxError(f"{file}: cannot run 'uses: {text}' here")
        folder = self.repositories.get(repository, STANDINS / repository)
        found = _definition(folder / path)
        if found is None:
            raise SandboxError(f"{file}: 'uses: {text}' has no stand-in: there is no action.yml in {folder / path}")
        self.mapped[f"{repository}@{ref}"] = folder
        self.visit(found)


def _definition(path: Path) -> Path | None:
    candidates = (path, path / "action.yml", path / "action.yaml")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _groups(document: dict[str, Any]) -> Iterator[tuple[list[dict[str, Any]], list[str]]]:
    """The steps that share a workspace, and what each group of them uses."""
    jobs = (document.get("jobs") or {}).values()
    for owner in [*jobs, document.get("runs") or {}]:
        steps = owner.get("steps") or []
        yield steps, [step["uses"] for step in [owner, *steps] if "uses" in step]
