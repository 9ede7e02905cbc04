"""Registries: the public one, `azureml`, with what this emulator brings along, and those that a user makes.

A registry is a resource of ARM; its assets are reached through the resource provider that its discovery document names.
Both planes have the same assets here. https://learn.microsoft.com/rest/api/azureml/registries
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import arm, assets, paging
from .assets import in_registries, json_object
from .context import Context
from .errors import ServiceError, bad_request, conflict, not_found
from .jobs import register_model
from .routing import Operation, Unimplemented
from .settings import REGION
from .shapes import mapping, strings

KIND = "registries"
PUBLIC = "azureml"
"""Microsoft's own registry: everybody may read it."""

SECONDS = {"create": 0.3, "delete": 0.2}
"""How long each operation takes here, at the time scale 1."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,32}")
_PATH = f"{arm.GROUP}/registries/{{registry}}"


def create(context: Context) -> None:
    """Make the public registry and what is in it; say how operations on registries end."""
    # The wheel that the emulator is of may have brought others along than the one that made the state.
    assets.put(
        context,
        "components",
        register_model.NAME,
        register_model.VERSION,
        {"componentSpec": register_model.SPEC},
        scope=assets.registry(PUBLIC),
    )
    if find(context, PUBLIC) is None:
        _store(context, PUBLIC, {}, {})
        _finish(context, _id(context, PUBLIC))
    context.operations.on_finish("registry create", lambda target: _finish(context, target))
    context.operations.on_finish("registry delete", lambda target: _delete(context, target))


def find(context: Context, name: str) -> dict[str, Any] | None:
    """The registry called `name`, or None."""
    return context.store.get(KIND, _id(context, name))


def _id(context: Context, name: str) -> str:
    return f"{context.workspace_id.split('/workspaces/')[0]}/{KIND}/{name}"


def _finish(context: Context, target: str) -> None:
    context.store.update(KIND, target, lambda r: r["properties"].update(provisioningState="Succeeded"))


def _delete(context: Context, target: str) -> None:
    with context.store.transaction():
        in_registries.delete_all(context, assets.registry(target.rsplit("/", 1)[-1]))
        context.store.delete(KIND, target)


def _store(context: Context, name: str, body: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    known, path = find(context, name), _id(context, name)
    if known is not None:
        path = known["id"]
    properties = {
        "publicNetworkAccess": "Enabled",
        **given,
        "discoveryUrl": f"{context.settings.api_url}/registrymanagement/v1.0/registries/{name}/discovery",
        "mlFlowRegistryUri": f"azureml://{REGION}.api.azureml.ms/mlflow/v1.0{path}",
        "provisioningState": "Creating" if known is None else "Updating",
    }
    registry = arm.resource(path, KIND, properties, known)
    identity = (known or {}).get("identity") or {
        "type": "SystemAssigned",
        "principalId": str(uuid.uuid4()),
        "tenantId": context.settings.tenant_id,
    }
    tags = strings(body.get("tags"), "tags")
    whole = {**registry, "type": f"{arm.PROVIDER}/{KIND}", "location": REGION, "tags": tags, "identity": identity}
    context.store.put(KIND, path, whole)
    return whole


def _checked(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The properties that a registry may be given. Raises ServiceError (400)."""
    if not _NAME.fullmatch(name):
        raise bad_request(f"'{name}' is not a registry name: 3 to 33 letters, digits, '_' and '-'", "ValidationError")
    given = {k: v for k, v in mapping(body.get("properties"), "properties").items() if v is not None}
    regions = given.get("regionDetails")
    if not isinstance(regions, list) or not regions:
        raise bad_request(f"registry {name} has no regionDetails: it needs a region to be in", "ValidationError")
    for region in regions:
        location = mapping(region, "properties.regionDetails").get("location")
        if not isinstance(location, str) or not location:
            raise bad_request(f"registry {name}: a region has no location", "ValidationError")
    return given


class _Registries:
    def __init__(self, context: Context) -> None:
        self._context = context

    def _get(self, request: Request) -> dict[str, Any]:
        arm.check_group(self._context.settings, request)
        name = request.path_params["registry"]
        registry = find(self._context, name)
        if registry is None:
            raise not_found(f"Registry {name} not found.")
        return registry

    def _writable(self, registry: dict[str, Any]) -> None:
        if registry["name"] == PUBLIC:
            raise ServiceError(403, "AuthorizationFailed", f"The registry {PUBLIC} can be read, but not changed.")
        if self._context.operations.in_flight(registry["id"]):
            raise conflict(
                f"Another operation is in flight on registry {registry['name']}.", "RegistryOperationInProgress"
            )

    def _begin(self, operation: str, registry: dict[str, Any]) -> dict[str, str]:
        seconds = SECONDS[operation] * self._context.settings.time_scale
        return self._context.operations.start(f"registry {operation}", registry["id"], seconds=seconds)

    async def list(self, request: Request) -> Response:
        arm.check_group(self._context.settings, request)
        found = self._context.store.list(KIND, _id(self._context, ""))
        # Azure's own is in nobody's resource group.
        return paging.paged(request, [registry for registry in found if registry["name"] != PUBLIC])

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._get(request))

    async def put(self, request: Request) -> Response:
        name, body = request.path_params["registry"], await json_object(request)
        arm.check_group(self._context.settings, request)
        properties = _checked(name, body)
        known = find(self._context, name)
        if known is not None:
            self._writable(known)
        with self._context.store.transaction():
            registry = _store(self._context, name, body, properties)
            headers = self._begin("create", registry)
        return JSONResponse(registry, status_code=200 if known else 201, headers=headers)

    async def patch(self, request: Request) -> Response:
        body = await json_object(request)
        registry = self._get(request)
        self._writable(registry)
        tags = strings(body.get("tags"), "tags")
        return JSONResponse(self._context.store.update(KIND, registry["id"], lambda r: r.update(tags=tags)))

    async def delete(self, request: Request) -> Response:
        registry = self._get(request)
        self._writable(registry)
        with self._context.store.transaction():
            deleting = {"provisioningState": "Deleting"}
            self._context.store.update(KIND, registry["id"], lambda r: r["properties"].update(deleting))
            headers = self._begin("delete", registry)
        return Response(status_code=202, headers=headers)

    async def discovery(self, request: Request) -> Response:
        name = request.path_params["registry"]
        registry = await run_in_threadpool(find, self._context, name)
        if registry is None or registry["properties"]["provisioningState"] in {"Creating", "Deleting"}:
            raise not_found(f"Registry {name} not found: this emulator has {PUBLIC}, and those that were made in it.")
        settings = self._context.settings
        url = f"{settings.api_url}/"
        return JSONResponse(
            {
                "registryName": registry["name"],
                "primaryRegionResourceProviderUri": url,
                "resourceId": registry["id"],
                "location": REGION,
                "primaryRegion": REGION,
                "subscriptionId": settings.subscription_id,
                "resourceGroup": settings.resource_group,
                "registryFqdns": {REGION: {"uri": url}},
            }
        )


def routes(context: Context) -> list[Route]:
    """Registries, their discovery, and their assets."""
    registries = _Registries(context)
    kept = "storage accounts, container registries and replication of one's own; managed identities"
    return [
        Operation(f"{arm.GROUP}/registries", registries.list, "Registries_List"),
        Operation(f"{arm.SUBSCRIPTION}/registries", registries.list, "Registries_ListBySubscription"),
        Operation(_PATH, registries.get, "Registries_Get"),
        Operation(_PATH, registries.put, "Registries_CreateOrUpdate", methods=["PUT"], missing=kept),
        Operation(_PATH, registries.patch, "Registries_Update", methods=["PATCH"], missing="all but tags"),
        Operation(_PATH, registries.delete, "Registries_Delete", methods=["DELETE"]),
        Unimplemented(f"{_PATH}/removeRegions", "Registries_RemoveRegions", methods=["POST"]),
        Operation(
            "/registrymanagement/v1.0/registries/{registry}/discovery",
            registries.discovery,
            "Discovery document of a registry",
        ),
        *in_registries.routes(context, find, PUBLIC),
    ]
