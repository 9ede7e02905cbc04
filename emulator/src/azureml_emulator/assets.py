"""Versioned assets: what environments, code, components, data and models have in common.

A version is stored under its ARM id, `…/workspaces/W/<kind>/<name>/versions/<version>`; the container that Azure shows
above the versions of a name (`latestVersion`, `nextVersion`) is worked out from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import arm
from .context import Context
from .errors import ServiceError, bad_request, not_found

Prepare = Callable[[str, str, dict[str, Any], dict[str, Any] | None], dict[str, Any]]
"""Checks and completes a version's properties: name, version, properties, what is stored under it now."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}|[0-9a-fA-F-]{36}|[0-9a-f]{32,64}")


def versions(context: Context, kind: str, name: str) -> list[dict[str, Any]]:
    """All versions of a name, newest first."""
    return context.store.list(kind, f"{context.workspace_id}/{kind}/{name}/versions/")[::-1]


def next_version(existing: list[dict[str, Any]]) -> str:
    """The version that an asset without one gets: one more than the highest number."""
    numbers = [int(v["name"]) for v in existing if v["name"].isdigit()]
    return str(max(numbers, default=0) + 1)


def version_id(context: Context, kind: str, name: str, version: str) -> str:
    """The ARM id of a version."""
    return f"{context.workspace_id}/{kind}/{name}/versions/{version}"


def put(context: Context, kind: str, name: str, version: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Store a version (all checks done) and return it in its envelope."""
    path = version_id(context, kind, name, version)
    known = context.store.get(kind, path)
    complete = {
        "isAnonymous": False,
        "isArchived": False,
        "tags": {},
        "properties": {},
        "description": None,
        **properties,
    }
    complete["provisioningState"] = "Succeeded"
    resource = arm.resource(path, f"{kind}/versions", complete, known)
    context.store.put(kind, path, resource)
    return resource


def resolve(context: Context, kind: str, name: str, version: str) -> dict[str, Any]:
    """A version, or with `latest` the newest. Raises ServiceError (404) if there is none."""
    if version == "latest":
        existing = versions(context, kind, name)
        if existing:
            return existing[0]
    elif found := context.store.get(kind, version_id(context, kind, name, version)):
        return found
    raise not_found(f"{kind} {name}:{version} not found in workspace {context.settings.workspace}.", "UserError")


def _check_name(kind: str, name: str, version: str) -> None:
    if not _NAME.fullmatch(name):
        text = f"'{name}' is not a name for {kind}: letters, digits, '.', '_' and '-', 255 at most"
        raise bad_request(text, "ValidationError")
    if not _VERSION.fullmatch(version):
        text = f"'{version}' is not a version for {kind} {name}: letters, digits, '.', '_' and '-', 30 at most"
        raise bad_request(text, "ValidationError")


def _archived(version: dict[str, Any], view: str) -> bool:
    """Whether a listing with this listViewType leaves the version out."""
    archived = bool(version["properties"].get("isArchived"))
    return {"ActiveOnly": archived, "ArchivedOnly": not archived}.get(view, False)


def container(context: Context, kind: str, name: str) -> dict[str, Any]:
    """The container of a name's versions. Raises ServiceError (404) if there is none."""
    existing = versions(context, kind, name)
    if not existing:
        raise not_found(f"{kind} container {name} not found in workspace {context.settings.workspace}.", "UserError")
    properties = {
        "latestVersion": existing[0]["name"],
        "nextVersion": next_version(existing),
        "isArchived": all(v["properties"].get("isArchived") for v in existing),
        "description": None,
        "tags": {},
        "properties": {},
    }
    if kind == "data":
        properties["dataType"] = existing[0]["properties"].get("dataType")
    path = f"{context.workspace_id}/{kind}/{name}"
    return {**arm.resource(path, kind, properties), "systemData": existing[-1]["systemData"]}


def _list_versions(context: Context, kind: str, request: Request) -> list[dict[str, Any]]:
    found = versions(context, kind, request.path_params["name"])
    query = request.query_params
    found = [v for v in found if not _archived(v, query.get("listViewType", "All"))]
    if query.get("$orderBy", "").lower().endswith(" asc"):
        found = found[::-1]
    if version := query.get("version"):
        found = [v for v in found if v["name"] == version]
    top = query.get("$top")
    if top is not None and not top.isdigit():
        raise bad_request(f"$top is '{top}' and not a number", "ValidationError")
    return found[: int(top)] if top else found


def routes(context: Context, kind: str, prepare: Prepare) -> list[Route]:
    """List, get, create or replace, change and delete versions; list and get containers."""
    base = f"{arm.WORKSPACE}/{kind}"

    async def list_containers(_: Request) -> Response:
        names = {v["id"].split("/")[-3] for v in context.store.list(kind, f"{context.workspace_id}/{kind}/")}
        return JSONResponse({"value": [container(context, kind, name) for name in sorted(names)]})

    async def get_container(request: Request) -> Response:
        return JSONResponse(container(context, kind, request.path_params["name"]))

    async def list_versions(request: Request) -> Response:
        return JSONResponse({"value": _list_versions(context, kind, request)})

    async def get_version(request: Request) -> Response:
        name, version = request.path_params["name"], request.path_params["version"]
        found = context.store.get(kind, version_id(context, kind, name, version))
        if found is None:
            raise not_found(
                f"{kind} {name}:{version} not found in workspace {context.settings.workspace}.", "UserError"
            )
        return JSONResponse(found)

    async def put_version(request: Request) -> Response:
        name, version = request.path_params["name"], request.path_params["version"]
        _check_name(kind, name, version)
        known = context.store.get(kind, version_id(context, kind, name, version))
        properties = await _properties(request)
        properties = await run_in_threadpool(prepare, name, version, properties, known)
        return JSONResponse(put(context, kind, name, version, properties), status_code=200 if known else 201)

    async def delete_version(request: Request) -> Response:
        name, version = request.path_params["name"], request.path_params["version"]
        gone = context.store.delete(kind, version_id(context, kind, name, version))
        return Response(status_code=200 if gone else 204)

    return [
        Route(base, list_containers),
        Route(f"{base}/{{name}}", get_container),
        Route(f"{base}/{{name}}/versions", list_versions),
        Route(f"{base}/{{name}}/versions/{{version}}", get_version),
        Route(f"{base}/{{name}}/versions/{{version}}", put_version, methods=["PUT"]),
        Route(f"{base}/{{name}}/versions/{{version}}", delete_version, methods=["DELETE"]),
    ]


async def _properties(request: Request) -> dict[str, Any]:
    body = await json_object(request)
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise bad_request("the request body has no object 'properties'", "ValidationError")
    return properties


async def json_object(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object. Raises ServiceError (400) for anything else."""
    try:
        body = await request.json()
    except ValueError as error:
        raise ServiceError(400, "InvalidRequestContent", f"the request body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ServiceError(400, "InvalidRequestContent", "the request body is not a JSON object")
    return body
