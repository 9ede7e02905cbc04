"""The routes of versioned assets: the same for every kind, in the workspace and in registries.

https://learn.microsoft.com/rest/api/azureml (model versions, and the like for the other kinds)
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import arm, assets, paging
from ..context import Context
from ..errors import bad_request
from ..routing import Operation
from ..shapes import mapping, strings, text
from . import Scope, containers, json_object

NOUNS = {
    "codes": "Code",
    "components": "Component",
    "data": "Data",
    "environments": "Environment",
    "models": "Model",
}
"""How the operations of each kind begin in the REST specification."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}|[0-9a-fA-F-]{36}|[0-9a-f]{32,64}")
_DELETED = "deleted assets"
_KEPT = ("stage", "isArchived")
"""What a version keeps when a request to change it says nothing of it: so the SDK archives a model with a stage."""


@dataclass(frozen=True)
class Draft:
    """A version that a client wants to store: its properties, and what is stored under its id now."""

    name: str
    version: str
    properties: dict[str, Any]
    known: dict[str, Any] | None
    scope: Scope

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


Complete = Callable[[Context, Mapping[str, Any], str], dict[str, Any]]
"""Properties, and the field of them that has the path, to properties whose path is in storage."""

Prepare = Callable[[Draft], dict[str, Any]]
"""Checks a draft and completes its properties. Raises ServiceError (400, 409)."""


@dataclass(frozen=True)
class Kind:
    """One kind of asset: its name in paths, and what its versions have to be like."""

    name: str
    prepare: Prepare

    def operation(self, scope: str, what: str) -> str:
        """The name of an operation: `scope` is "" for the workspace and "Registry" for registries."""
        return f"{scope}{NOUNS[self.name]}{what}"


def check_name(kind: str, name: str, version: str | None = None) -> None:
    """Raise ServiceError (400) for a name or a version with characters that Azure does not take."""
    if not _NAME.fullmatch(name):
        told = f"'{name}' is not a name for {kind}: letters, digits, '.', '_' and '-', 255 at most"
        raise bad_request(told, "ValidationError")
    if version is None:
        return
    if not _VERSION.fullmatch(version):
        told = f"'{version}' is not a version for {kind} {name}: letters, digits, '.', '_' and '-', 30 at most"
        raise bad_request(told, "ValidationError")
    if version.lower() in {assets.LATEST, assets.DEFAULT_VERSION}:
        raise bad_request(f"'{version}' is a label and cannot be the version of {kind} {name}", "ValidationError")


def checked(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties with those that all kinds have in the shape that they ought to have. Raises ServiceError (400)."""
    complete = {key: value for key, value in properties.items() if value is not None}
    for name in ("tags", "properties"):
        if name in complete:
            complete[name] = strings(complete[name], f"properties.{name}")
    for name in ("description", "stage"):
        text(complete.get(name), f"properties.{name}")
    for name in ("isArchived", "isAnonymous"):
        if not isinstance(complete.get(name, False), bool):
            raise bad_request(f"properties.{name} is not true or false", "ValidationError")
    return complete


class _Endpoints:
    """What the routes of one kind do, in the scope that `where` finds in a request's path."""

    def __init__(self, context: Context, kind: Kind, where: Callable[[Request], Scope]) -> None:
        self._context = context
        self._kind = kind
        self._where = where
        # What is there is looked at and then replaced: one at a time, so that of two that race one is told.
        self._writing = threading.Lock()

    async def list_containers(self, request: Request) -> Response:
        return await run_in_threadpool(self._list_containers, request)

    def _list_containers(self, request: Request) -> Response:
        scope, view = self._where(request), _view(request)
        names = containers.names(self._context, self._kind.name, scope)
        # A page is cut from the names, so that what is on the others need not be read.
        first, last = paging.bounds(request)
        found = [containers.get(self._context, self._kind.name, name, scope) for name in names[first:last]]
        shown = [container for container in found if _shown(container, view)]
        return paging.answer(request, shown, following=last if last < len(names) else None)

    async def get_container(self, request: Request) -> Response:
        scope = self._where(request)
        return JSONResponse(containers.get(self._context, self._kind.name, request.path_params["name"], scope))

    async def put_container(self, request: Request) -> Response:
        scope, name = self._where(request), request.path_params["name"]
        check_name(self._kind.name, name)
        properties = checked(await _properties(request))
        return JSONResponse(containers.put(self._context, self._kind.name, name, properties, scope))

    async def delete_container(self, request: Request) -> Response:
        gone = containers.delete(self._context, self._kind.name, request.path_params["name"], self._where(request))
        return Response(status_code=200 if gone else 204)

    async def list_versions(self, request: Request) -> Response:
        return await run_in_threadpool(self._list_versions, request)

    def _list_versions(self, request: Request) -> Response:
        scope, name = self._where(request), request.path_params["name"]
        found = assets.versions(self._context, self._kind.name, name, scope)
        if containers.is_archived(self._context, self._kind.name, name, scope):
            found = [_as_archived(version) for version in found]
        if request.query_params.get("$orderBy", "").lower().endswith(" asc"):
            found = found[::-1]
        view = _view(request)
        return paging.paged(request, [v for v in found if _shown(v, view) and _matches(v, request)])

    async def get_version(self, request: Request) -> Response:
        scope = self._where(request)
        name, version = request.path_params["name"], request.path_params["version"]
        if version == assets.LATEST:
            # A label is no version: to answer one here would hide that elsewhere.
            raise assets.missing(self._kind.name, name, version, scope)
        found = assets.resolve(self._context, self._kind.name, name, version, scope)
        whole = containers.is_archived(self._context, self._kind.name, name, scope)
        return JSONResponse(_as_archived(found) if whole else found)

    async def put_version(self, request: Request) -> Response:
        properties = checked(await _properties(request))
        return await run_in_threadpool(self._put_alone, request, properties)

    def _put_alone(self, request: Request, properties: dict[str, Any]) -> Response:
        with self._writing:
            return self._put_version(request, properties)

    def _put_version(self, request: Request, properties: dict[str, Any]) -> Response:
        scope, kind = self._where(request), self._kind.name
        name, version = request.path_params["name"], request.path_params["version"]
        check_name(kind, name, version)
        known = self._context.store.get(kind, scope.version_id(kind, name, version))
        self._check_not_deleted(scope.version_id(kind, name, version))
        if known is not None:
            restored = properties.get("isArchived") is False
            properties = {k: known["properties"][k] for k in _KEPT if k in known["properties"]} | properties
            if restored and containers.is_archived(self._context, kind, name, scope):
                told = f"{kind} {name} is archived as a whole: restore it rather than its version {version}"
                raise bad_request(told)
        properties = self._kind.prepare(Draft(name, version, properties, known, scope))
        stored = assets.put(self._context, kind, name, version, properties, scope=scope)
        return JSONResponse(stored, status_code=200 if known else 201)

    def _check_not_deleted(self, identity: str) -> None:
        if deleted := self._context.store.get(_DELETED, identity):
            when = f"Asset {identity} was deleted at {deleted['at']}, it cannot be recreated."
            raise bad_request(f"{when} Please try again with a different version.")

    async def delete_version(self, request: Request) -> Response:
        scope, kind = self._where(request), self._kind.name
        identity = scope.version_id(kind, request.path_params["name"], request.path_params["version"])
        with self._context.store.transaction():
            gone = self._context.store.delete(kind, identity)
            if gone and scope.parent == "registries":
                # Others than its workspace may know a registry's version: it is never another one.
                self._context.store.put(_DELETED, identity, {"at": arm.now()})
        return Response(status_code=200 if gone else 204)

    def routes(self, base: str, scope: str) -> list[Route]:
        """All of them below the path `base`; `scope` begins the operations' names."""
        container, version = f"{base}/{{name}}", f"{base}/{{name}}/versions/{{version}}"

        def named(what: str) -> str:
            return self._kind.operation(scope, what)

        return [
            Operation(base, self.list_containers, named("Containers_List")),
            Operation(container, self.get_container, named("Containers_Get")),
            Operation(container, self.put_container, named("Containers_CreateOrUpdate"), methods=["PUT"]),
            Operation(container, self.delete_container, named("Containers_Delete"), methods=["DELETE"]),
            Operation(f"{container}/versions", self.list_versions, named("Versions_List")),
            Operation(version, self.get_version, named("Versions_Get")),
            Operation(version, self.put_version, named("Versions_CreateOrUpdate"), methods=["PUT"]),
            Operation(version, self.delete_version, named("Versions_Delete"), methods=["DELETE"]),
        ]


def routes_in(context: Context, kind: Kind, where: Callable[[Request], Scope], *, base: str, scope: str) -> list[Route]:
    """The routes of a kind below the path `base`, in the scope that `where` finds; `scope` begins operations' names."""
    return _Endpoints(context, kind, where).routes(base, scope)


def routes(context: Context, kind: str, prepare: Prepare) -> list[Route]:
    """The routes of a kind in the workspace."""
    endpoints = _Endpoints(context, Kind(kind, prepare), lambda _: assets.workspace(context))
    return endpoints.routes(f"{arm.WORKSPACE}/{kind}", "")


def _view(request: Request) -> str:
    view = request.query_params.get("listViewType", "ActiveOnly")
    if view not in {"ActiveOnly", "ArchivedOnly", "All"}:
        raise bad_request(f"listViewType is '{view}', not ActiveOnly, ArchivedOnly or All", "ValidationError")
    return view


def _shown(resource: Mapping[str, Any], view: str) -> bool:
    archived = bool(resource["properties"].get("isArchived"))
    return {"ActiveOnly": not archived, "ArchivedOnly": archived}.get(view, True)


def _as_archived(version: dict[str, Any]) -> dict[str, Any]:
    return {**version, "properties": {**version["properties"], "isArchived": True}}


def _matches(version: Mapping[str, Any], request: Request) -> bool:
    """Whether the version is what the filters of a listing ask for: version, stage, tags, properties."""
    query, properties = request.query_params, version["properties"]
    if (wanted := query.get("version")) and version["name"] != wanted:
        return False
    if (stage := query.get("stage")) and properties.get("stage") != stage:
        return False
    # In this API's newer versions the parameter is called $tags.
    tags = query.get("tags") or query.get("$tags")
    return _has(properties.get("tags"), tags) and _has(properties.get("properties"), query.get("properties"))


def _has(entries: Mapping[str, Any] | None, wanted: str | None) -> bool:
    """Whether there are all that `wanted` names: `name` or `name=value`, with commas between them."""
    for one in (wanted or "").split(","):
        name, has_value, value = one.strip().partition("=")
        if name and (name not in (entries or {}) or (has_value and (entries or {})[name] != value)):
            return False
    return True


async def _properties(request: Request) -> dict[str, Any]:
    body = await json_object(request)
    if "properties" not in body:
        raise bad_request("the request body has no object 'properties'", "ValidationError")
    return dict(mapping(body["properties"], "properties"))
