"""Models, data, environments and components: their names, their versions, and where each version comes from."""

from __future__ import annotations

import math
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import assets
from ..jobs.runs import KIND as RUNS
from . import lineage, states
from .site import NotFound, Site, whole_number

KINDS = {"models": "Models", "data": "Data", "environments": "Environments", "components": "Components"}
_ONE = {
    "models": "Model",
    "data": "Data asset",
    "environments": "Environment",
    "components": "Component",
    "codes": "Code",
}
_URI = {"models": "modelUri", "data": "dataUri", "codes": "codeUri"}
_PER_PAGE = 50
_MOST_USERS = 20


def name_of(version: dict[str, Any]) -> str:
    """The asset's name, which its id has."""
    return str(version["id"].split("/")[-3])


def registry_of(version: dict[str, Any]) -> str | None:
    """The registry that the version is in; None if it is in the workspace."""
    identity = str(version["id"])
    return identity.split("/")[3] if identity.startswith("azureml://registries/") else None


class AssetViews:
    """The pages of one kind of asset."""

    def __init__(self, site: Site, kind: str) -> None:
        self._site = site
        self._kind = kind

    def names(self, request: Request) -> Response:
        """The list of names."""
        text, archived = request.query_params.get("q", "").strip(), request.query_params.get("archived") == "1"
        newest: dict[tuple[str | None, str], list[dict[str, Any]]] = {}
        for version in reversed(self._site.context.store.list(self._kind)):
            if version["properties"].get("isAnonymous") or bool(version["properties"].get("isArchived")) != archived:
                continue
            if text.lower() in name_of(version).lower():
                newest.setdefault((registry_of(version), name_of(version)), []).append(version)
        page, listed = max(whole_number(request, "page", 1), 1), list(newest.items())
        return self._site.page(
            request,
            "assets.html",
            kind=self._kind,
            title=KINDS[self._kind],
            listed=listed[(page - 1) * _PER_PAGE : page * _PER_PAGE],
            count=len(listed),
            page=page,
            pages=max(math.ceil(len(listed) / _PER_PAGE), 1),
            chosen={"q": text, "archived": "1" if archived else ""},
        )

    def _scope(self, request: Request) -> assets.Scope:
        registry = request.query_params.get("registry")
        return assets.registry(registry) if registry else assets.workspace(self._site.context)

    def _versions(self, request: Request) -> list[dict[str, Any]]:
        name = request.path_params["name"]
        found = list(assets.versions(self._site.context, self._kind, name, self._scope(request)))
        if not found:
            raise NotFound(f"There is no {_ONE[self._kind].lower()} {name}.")
        return found

    def newest(self, request: Request) -> Response:
        """The newest version of a name."""
        return self._show(request, self._versions(request)[0])

    def version(self, request: Request) -> Response:
        """One version. Raises NotFound."""
        wanted = request.path_params["version"]
        for version in self._versions(request):
            if version["name"].lower() == wanted.lower():
                return self._show(request, version)
        raise NotFound(f"There is no version {wanted} of {request.path_params['name']}.")

    def _show(self, request: Request, version: dict[str, Any]) -> Response:
        site, properties = self._site, version["properties"]
        uri = properties.get(_URI.get(self._kind, ""))
        job = _job(properties)
        return site.page(
            request,
            "asset.html",
            kind=self._kind,
            kind_title=KINDS.get(self._kind),
            one=_ONE[self._kind],
            name=name_of(version),
            version=version,
            registry=registry_of(version),
            versions=[] if properties.get("isAnonymous") else self._versions(request),
            files=site.links.files(str(uri)) if uri else None,
            job=site.runs.get(job) if job else None,
            lineage=lineage.of(site, self._kind, version, job),
            users=self._users(version),
        )

    def _users(self, version: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
        """The newest jobs whose definition names this version, and the states of their runs."""
        found, _ = self._site.context.store.search("jobs", {}, text=str(version["id"]), limit=_MOST_USERS)
        runs = (self._site.context.store.get(RUNS, job["name"]) for job in found)
        return [(run, states.shown(run)) for run in runs if run is not None]


def _job(properties: dict[str, Any]) -> str | None:
    """The job that the asset is from: a model says so itself, data in its properties."""
    named = properties.get("jobName") or (properties.get("properties") or {}).get("jobName")
    return str(named) if named else None


def routes(site: Site) -> list[Route]:
    """A list of names per kind, and a page per version."""
    found = []
    for kind in (*KINDS, "codes"):
        views = AssetViews(site, kind)
        if kind in KINDS:
            found.append(Route(f"/{kind}", views.names))
        found += [Route(f"/{kind}/{{name}}", views.newest), Route(f"/{kind}/{{name}}/{{version}}", views.version)]
    return found
