"""Artifacts over the wire: those of runs in run history, those of any origin in `/artifact/v2.0`.

The paths and bodies are those of azureml-mlflow's REST clients (`_restclient/run_artifact`, `_restclient/artifact`).
Contents go to and from storage directly, by URLs with a SAS for one blob.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ... import arm
from ...assets import json_object
from ...errors import ServiceError, bad_request, not_found
from ...routing import Operation
from ...shapes import mapping, text
from ..services import Services
from . import artifacts
from .artifacts import Address

_MOST_AT_ONCE = 500
_PARALLEL = 8
_CONFLICT = "Resource Conflict: ArtifactId {} already exists."


class _Artifacts:
    def __init__(self, services: Services) -> None:
        self._context = services.context
        self._runs = services.runs

    def _container(self, request: Request) -> Address:
        """The container that a path names: a run's, or one of an origin. Raises ServiceError (404)."""
        given = request.path_params
        if "run" not in given:
            return Address(given["origin"], given["container"])
        if self._runs.get(given["run"]) is None:
            raise not_found(f"Run with id {given['run']} not found in workspace.", "UserError")
        return artifacts.of_run(given["run"])

    def _body(self, address: Address) -> dict[str, Any]:
        store = {"dataStoreName": artifacts.STORE, "relativePath": str(address)}
        names = {"origin": address.origin, "container": address.container, "path": address.path}
        return {"artifactId": str(address), **names, "etag": None, "createdTime": None, "dataPath": store, "tags": {}}

    def _content(self, address: Address, *, write: bool = False) -> dict[str, Any]:
        blobs, place = self._context.blobs, artifacts.place(self._context, address)
        url = blobs.write_url(place) if write else blobs.read_url(place)
        names = {"origin": address.origin, "container": address.container, "path": address.path}
        return {"contentUri": url, **names, "tags": {}}

    def _exists(self, address: Address) -> bool:
        return self._context.blobs.exists(artifacts.place(self._context, address))

    def _below(self, container: Address, prefix: str = "") -> list[Address]:
        place = artifacts.place(self._context, container.below(prefix))
        root = len(artifacts.place(self._context, container).prefix)
        return [container.below(name[root:]) for name in self._context.blobs.files(place)]

    async def list(self, request: Request) -> Response:
        container = self._container(request)
        found = await run_in_threadpool(self._below, container)
        return JSONResponse({"value": [self._body(one) for one in found], "continuationToken": None, "nextLink": None})

    async def metadata(self, request: Request) -> Response:
        return JSONResponse(self._body(await self._existing(request)))

    async def content(self, request: Request) -> Response:
        return JSONResponse(self._content(await self._existing(request)))

    async def _existing(self, request: Request) -> Address:
        path = request.query_params.get("path")
        if not path:
            raise bad_request("the query has no 'path'", "ValidationError")
        address = self._container(request).below(path)
        if not await run_in_threadpool(self._exists, address):
            raise not_found(f"Artifact {address} not found.", "UserError")
        return address

    async def contents_below(self, request: Request) -> Response:
        container, prefix = self._container(request), request.query_params.get("path", "")
        found = await run_in_threadpool(self._below, container, prefix)
        contents = [self._content(one) for one in found]
        return JSONResponse({"value": contents, "continuationToken": None, "nextLink": None})

    async def create(self, request: Request) -> Response:
        """Make room for new artifacts: what exists already is a conflict, as in Azure."""
        container, body = self._container(request), await json_object(request)
        addresses = {path: container.below(path) for path in _paths(body)}
        return JSONResponse(await run_in_threadpool(self._create, addresses))

    def _create(self, addresses: dict[str, Address]) -> dict[str, Any]:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            taken = dict(zip(addresses, pool.map(self._exists, addresses.values()), strict=True))
        made = {path: address for path, address in addresses.items() if not taken[path]}
        conflicts = {path: _conflict(addresses[path]) for path in addresses if taken[path]}
        return {
            "artifacts": {path: self._body(address) for path, address in made.items()},
            "artifactContentInformation": {path: self._content(address, write=True) for path, address in made.items()},
            "errors": conflicts,
        }


def _paths(body: dict[str, Any]) -> Iterable[str]:
    listed = body.get("paths")
    if not isinstance(listed, list) or len(listed) > _MOST_AT_ONCE:
        raise bad_request(f"the request body has no list 'paths' of {_MOST_AT_ONCE} at most", "ValidationError")
    for number, one in enumerate(listed):
        path = text(mapping(one, f"paths[{number}]").get("path"), f"paths[{number}].path")
        if not path:
            raise bad_request(f"paths[{number}] has no path", "ValidationError")
        yield path


def _conflict(address: Address) -> dict[str, Any]:
    error = ServiceError(409, "UserError", _CONFLICT.format(address))
    return {"error": {"code": error.code, "message": error.message, "details": []}}


def routes(services: Services) -> list[Route]:
    """The artifacts of runs, and those of any origin."""
    own, runs = _Artifacts(services), f"/history/v1.0{arm.WORKSPACE}"
    containers = [
        ("RunArtifacts", f"{runs}{by}/runs/{{run}}/artifacts")
        for by in ("/experiments/{experiment}", "/experimentids/{experiment}")
    ]
    of_run = [
        route
        for name, path in containers
        for route in (
            Operation(path, own.list, f"{name}_ListInContainer"),
            Operation(f"{path}/metadata", own.metadata, f"{name}_Get"),
            Operation(f"{path}/contentinfo", own.content, f"{name}_GetContentInformation"),
            Operation(f"{path}/prefix/contentinfo", own.contents_below, f"{name}_ListSasByPrefix"),
            Operation(f"{path}/batch/metadata", own.create, f"{name}_BatchCreateEmptyArtifacts", methods=["POST"]),
        )
    ]
    path = f"/artifact/v2.0{arm.WORKSPACE}/artifacts/{{origin}}/{{container}}"
    return [
        *of_run,
        Operation(path, own.list, "Artifacts_ListInContainer"),
        Operation(f"{path}/metadata", own.metadata, "Artifacts_Get"),
        Operation(f"{path}/contentinfo", own.content, "Artifacts_GetContentInformation"),
        Operation(f"{path}/prefix/contentinfo", own.contents_below, "Artifacts_ListSasByPrefix"),
        Operation(f"{path}/batch/metadata", own.create, "Artifacts_BatchCreateEmptyArtifacts", methods=["POST"]),
    ]
