"""What a job was made of and what made it: repository, commit, run and actor, data, components, environments, model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_actions.aml.studio import asset_url, workspace_of
from mlops_actions.markdown import link, table_cell

_VERSION = re.compile(
    r"(?:^|/|:)(?:workspaces/(?P<workspace>[^/]+)|registries/(?P<registry>[^/]+))"
    r"/(?P<kind>data|environments|components|models)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)$"
)
_KINDS = {"data": "data", "environments": "environment", "components": "component", "models": "model"}
_HEADINGS = {"data": "Data", "component": "Components", "environment": "Environments", "model": "Models used"}
_ANONYMOUS = frozenset({"azureml_anonymous", "CliV2AnonymousEnvironment"})
_MOST, _DEEPEST, _DIGITS = 50, 8, 12


@dataclass(frozen=True)
class _Asset:
    kind: str
    name: str
    version: str
    registry: str | None

    def shown(self, workspace: str) -> str:
        if self.name in _ANONYMOUS:
            return f"from its file ({table_cell(self.version[:_DIGITS])})"
        text = f"{self.name}:{self.version}"
        if self.registry:
            return table_cell(f"{text} of registry {self.registry}")
        return link(text, asset_url(workspace, self.kind, self.name, self.version)) if workspace else table_cell(text)


def lineage_rows(
    properties: Mapping[str, Any],
    job: str,
    job_url: str,
    model: str | None,
    component: Callable[[str], Mapping[str, Any]],
) -> list[str]:
    """The rows of the table: what, and links to it. Of the job's `properties` its tags tell what submitted it."""
    tags = {str(name): str(value) for name, value in (properties.get("tags") or {}).items()}
    workspace = workspace_of(job_url)
    rows = [*_origin(tags), ("Job", link(job, job_url))]
    found: dict[_Asset, list[str]] = {}
    for asset, user in _assets(properties, component, "", 0):
        users = found.setdefault(asset, [])
        users += [user] * (user not in users)
    for kind, heading in _HEADINGS.items():
        told = [_told(asset, users, workspace) for asset, users in found.items() if asset.kind == kind]
        if len(told) > _MOST:
            told[_MOST:] = [f"{len(told) - _MOST} more"]
        rows += [(heading, ", ".join(told))] * bool(told)
    if model:
        name, _, version = model.rpartition(":")
        rows.append(
            ("Model", link(model, asset_url(workspace, "model", name, version)) if workspace else table_cell(model))
        )
    return [f"| {heading} | {content} |" for heading, content in rows]


def _origin(tags: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    run = tags.get("run-url", "")
    server = run.split("/actions/runs/")[0].removesuffix(f"/{tags.get('repository', '')}") if run else ""
    repository, commit, actor = (tags.get(name) for name in ("repository", "commit", "actor"))
    if repository:
        yield "Repository", link(repository, f"{server}/{repository}")
    if commit:
        yield "Commit", link(commit, f"{server}/{repository}/commit/{commit}" if repository else "")
    if run:
        yield "Workflow run", link(run.rsplit("/", 1)[-1], run)
    if actor:
        yield "Actor", link(actor, f"{server}/{actor}")


def _told(asset: _Asset, users: list[str], workspace: str) -> str:
    told = asset.shown(workspace)
    nodes = ", ".join(user for user in users if user)
    return f"{told} ({table_cell(nodes)})" if nodes else told


def _assets(
    definition: Mapping[str, Any], component: Callable[[str], Mapping[str, Any]], node: str, depth: int
) -> Iterator[tuple[_Asset, str]]:
    """The assets that a job, or a pipeline in it, refers to, each with the node that does (empty: the job itself)."""
    jobs = definition.get("jobs")
    for key, value in definition.items():
        if key != "jobs":
            yield from ((asset, node) for asset in _references(value))
    for name, inner in (jobs if isinstance(jobs, Mapping) else {}).items():
        path = f"{node}/{name}".lstrip("/")
        yield from ((asset, path) for asset in _references(inner))
        spec = component(str(inner.get("componentId") or "")) if isinstance(inner, Mapping) else {}
        if spec and depth < _DEEPEST:
            yield from _assets(spec, component, path, depth + 1)


def _references(value: Any) -> Iterator[_Asset]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
    elif isinstance(value, str) and (found := _VERSION.search(value)):
        yield _Asset(_KINDS[found["kind"]], found["name"], found["version"], found["registry"])
