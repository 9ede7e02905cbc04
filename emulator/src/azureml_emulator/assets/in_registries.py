"""The assets of registries: environments, components, data, models and code, uploads to them, and sharing into them.

The SDK speaks to a registry by the resource provider's older, internal paths: api-version 2021-10-01-dataplanepreview.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import arm, assets
from ..blobs import Place
from ..context import Context
from ..errors import ServiceError, bad_request, conflict, not_found, not_implemented
from ..jobs.files import storage
from ..routing import Operation
from ..shapes import mapping, text
from . import Scope, code, components, containers, data, environments, json_object, models, uploads, version_routes
from .version_routes import NOUNS, Kind

_MANAGEMENT_FRONTEND = "/mferp/managementfrontend"
_ASSET_ID = re.compile(
    r"azureml://registries/(?P<registry>[^/]+)/(?P<kind>\w+)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)"
)
_URI = {"codes": "codeUri", "data": "dataUri", "models": "modelUri"}

Find = Callable[[Context, str], dict[str, Any] | None]


def delete_all(context: Context, scope: Scope) -> None:
    """Forget all assets of a registry."""
    for kind in NOUNS:
        for name in containers.names(context, kind, scope):
            containers.delete(context, kind, name, scope)


class _Assets:
    def __init__(self, context: Context, find: Find, public: str) -> None:
        self._context = context
        self._find = find
        self._public = public

    def scope(self, request: Request) -> Scope:
        """The registry in a request's path. Raises ServiceError: 404 if there is none, 403 for a change of Azure's."""
        arm.check_group(self._context.settings, request)
        name = request.path_params["registry"]
        registry = self._find(self._context, name)
        if registry is None:
            raise not_found(f"Registry {name} not found.")
        if registry["name"] == self._public and request.method in {"PUT", "PATCH", "DELETE"}:
            raise ServiceError(403, "AuthorizationFailed", f"The registry {name} can be read, but not changed.")
        return assets.registry(registry["name"])

    async def begin_upload(self, request: Request) -> Response:
        """Answer the SAS of a new container; 409 if the asset is there, which the SDK takes for "need not upload"."""
        scope = self.scope(request)
        kind, name, version = self._named(await json_object(request), scope)
        if self._context.store.get(kind, scope.version_id(kind, name, version)) is not None:
            raise conflict(f"Asset {scope.version_id(kind, name, version)} already exists.", "UserError")
        begun = await run_in_threadpool(uploads.begin, self._context, "registry")
        return JSONResponse(begun)

    async def reference(self, request: Request) -> Response:
        """Answer the SAS by which an asset's files can be read."""
        scope = self.scope(request)
        body = await json_object(request)
        kind, name, version = self._named(body, scope)
        stored = assets.resolve(self._context, kind, name, version, scope)
        uri = text(body.get("blobUri"), "blobUri")
        if not uri or uri != stored["properties"].get(_URI.get(kind, "")):
            raise bad_request(f"blobUri is not that of {scope.version_id(kind, name, version)}", "ValidationError")
        place = storage.place(self._context, uri)
        answer = await run_in_threadpool(uploads.reference, self._context, place.container)
        return JSONResponse({"blobReferenceForConsumption": {**answer, "blobUri": uri}})

    def _named(self, body: dict[str, Any], scope: Scope) -> tuple[str, str, str]:
        """Kind, name and version of the asset that the request is about, which its body names."""
        identity = text(body.get("assetId"), "assetId") or ""
        match = _ASSET_ID.fullmatch(identity)
        # The SDK says `model` in one place and `models` in another.
        kinds = {**{kind: kind for kind in NOUNS}, **{noun.lower(): kind for kind, noun in NOUNS.items()}}
        kind = kinds.get(match["kind"].lower()) if match else None
        if match is None or kind is None or assets.registry(match["registry"]).root.lower() != scope.root.lower():
            raise bad_request(f"assetId '{identity}' is not the id of an asset of {scope.told}", "ValidationError")
        version_routes.check_name(kind, match["name"], match["version"])
        return kind, match["name"], match["version"]

    async def share(self, request: Request) -> Response:
        """Copy an asset of the workspace, and its files, into a registry."""
        scope = self.scope(request)
        if scope.root == assets.registry(self._public).root:
            raise ServiceError(403, "AuthorizationFailed", f"The {scope.told} can be read, but not changed.")
        properties = mapping((await json_object(request)).get("properties"), "properties")
        source = text(properties.get("sourceAssetId"), "properties.sourceAssetId") or ""
        headers = await run_in_threadpool(self._share, scope, source, dict(properties))
        return Response(status_code=202, headers=headers)

    def _share(self, scope: Scope, source: str, given: dict[str, Any]) -> dict[str, str]:
        match = re.search(r"/(\w+)/([^/]+)/versions/([^/]+)$", source)
        if match is None or match[1] not in NOUNS:
            raise bad_request(f"sourceAssetId '{source}' is not the id of an asset", "ValidationError")
        kind = match[1]
        if kind == "components":
            raise not_implemented("sharing a component, with its code and environment, to a registry")
        found = assets.find(self._context, kind, source)
        name = text(given.get("destinationName"), "properties.destinationName") or match[2]
        version = text(given.get("destinationVersion"), "properties.destinationVersion") or match[3]
        version_routes.check_name(kind, name, version)
        identity = scope.version_id(kind, name, version)
        if self._context.store.get(kind, identity) is not None:
            raise conflict(f"Asset {identity} already exists.", "UserError")
        properties = dict(found["properties"])
        if field := _URI.get(kind):
            properties[field] = self._copied(str(properties[field]))
        if (properties.get("build") or {}).get("contextUri"):
            properties["build"] = {**properties["build"], "contextUri": self._copied(properties["build"]["contextUri"])}
        assets.put(self._context, kind, name, version, properties, scope=scope)
        return self._context.operations.start("registry import", identity, seconds=0)

    def _copied(self, uri: str) -> str:
        """The URI of a copy, in a container of its own, of the files at `uri`."""
        source = storage.place(self._context, uri)
        target = Place(uploads.new_container(self._context, "registry"), source.prefix)
        self._context.blobs.copy(source, target)
        return self._context.blobs.url(target)


def routes(context: Context, find: Find, public: str) -> list[Route]:
    """The routes of all kinds of assets in registries; `find` looks a registry up, `public` is Azure's own."""
    endpoints = _Assets(context, find, public)
    context.operations.on_finish("registry import", lambda _: None)
    kinds = {
        environments.KIND: environments.prepare,
        components.KIND: components.prepare,
        data.KIND: data.preparation(context),
        models.KIND: models.prepare,
        code.KIND: code.prepare,
    }
    found: list[Route] = []
    for plane in ("", _MANAGEMENT_FRONTEND):
        base = f"{plane}{arm.GROUP}/registries/{{registry}}"
        for name, prepare in kinds.items():
            kind = Kind(name, prepare)
            found += version_routes.routes_in(context, kind, endpoints.scope, base=f"{base}/{name}", scope="Registry")
    base = f"{_MANAGEMENT_FRONTEND}{arm.GROUP}/registries/{{registry}}"
    version = "{name}/versions/{version}"
    upload, read = "TemporaryDataReferences_CreateOrGetTemporaryDataReference", "DataReferences_GetBlobReferenceSAS"
    share = "ResourceManagementAssetReference_ImportMethod"
    return [
        *found,
        Operation(f"{base}/tempdatarefs/{version}", endpoints.begin_upload, upload, methods=["PUT"]),
        Operation(f"{base}/datarefs/{version}", endpoints.reference, read, methods=["POST"]),
        Operation(f"{base}/import", endpoints.share, share, methods=["POST"], missing="components"),
    ]
