"""The workspace: what is told of it, its tags, its keys, and its discovery document."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import arm, datastores, paging
from .assets import json_object, uploads
from .context import Context
from .errors import not_found, not_implemented
from .operations import POLL_SOON
from .routing import Operation, Unimplemented
from .settings import REGION
from .shapes import mapping, strings, text

KIND = "workspaces"
RESYNC = "workspace resync keys"
_CHANGEABLE = ("description", "friendlyName", "imageBuildCompute")


def create(context: Context) -> None:
    """Make the workspace and its datastores, unless they are there."""
    settings, path = context.settings, context.workspace_id
    if context.store.get(KIND, path) is None:
        properties = {
            "friendlyName": settings.workspace,
            "description": "",
            "workspaceId": str(uuid.uuid5(uuid.NAMESPACE_URL, path)),
            "discoveryUrl": f"{settings.api_url}/discovery/workspaces/{settings.workspace}",
            "mlFlowTrackingUri": f"azureml://{REGION}.api.azureml.ms/mlflow/v2.0{path}",
            "storageAccount": uploads.storage_account_id(context),
            "provisioningState": "Succeeded",
            "hbiWorkspace": False,
            "publicNetworkAccess": "Enabled",
            "tenantId": settings.tenant_id,
        }
        workspace = arm.resource(path, KIND, properties)
        identity = {"type": "SystemAssigned", "principalId": str(uuid.uuid4()), "tenantId": settings.tenant_id}
        sku = {"name": "Basic", "tier": "Basic"}
        whole = {**workspace, "type": f"{arm.PROVIDER}/workspaces", "location": REGION, "tags": {}, "kind": "Default"}
        context.store.put(KIND, path, {**whole, "identity": identity, "sku": sku})
    datastores.create(context)
    context.operations.on_finish(RESYNC, lambda _: None)


class _Workspaces:
    def __init__(self, context: Context) -> None:
        self._context = context

    def _workspace(self) -> dict[str, Any]:
        found = self._context.store.get(KIND, self._context.workspace_id)
        if found is None:
            raise not_found(f"Workspace {self._context.settings.workspace} not found.")
        return found

    async def list(self, request: Request) -> Response:
        arm.check_group(self._context.settings, request)
        kinds = [kind.strip().lower() for kind in request.query_params.get("kind", "").split(",") if kind.strip()]
        workspace = self._workspace()
        return paging.paged(request, [workspace] if not kinds or workspace["kind"].lower() in kinds else [])

    async def get(self, _: Request) -> Response:
        return JSONResponse(self._workspace())

    async def patch(self, request: Request) -> Response:
        body = await json_object(request)
        workspace = self._workspace()
        changes = self._changes(workspace, dict(mapping(body.get("properties"), "properties")))
        identity = mapping(body.get("identity"), "identity")
        if identity and identity.get("type") != workspace["identity"]["type"]:
            raise not_implemented("changing the identity of a workspace")
        tags = strings(body["tags"], "tags") if body.get("tags") is not None else workspace["tags"]

        def change(stored: dict[str, Any]) -> None:
            stored["properties"].update(changes)
            stored.update(tags=tags, systemData=arm.system_data(stored["systemData"]))

        return JSONResponse(self._context.store.update(KIND, self._context.workspace_id, change))

    @staticmethod
    def _changes(workspace: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """Those of the given properties that may change. Raises ServiceError (501) for the change of another."""
        known = workspace["properties"]
        for name, value in given.items():
            if name not in _CHANGEABLE and value is not None and value != known.get(name):
                raise not_implemented(f"changing {name} of a workspace")
        named = {name: text(given.get(name), f"properties.{name}") for name in _CHANGEABLE}
        return {name: value for name, value in named.items() if value is not None}

    async def list_keys(self, _: Request) -> Response:
        account = self._workspace()["properties"]["storageAccount"]
        return JSONResponse({"userStorageKey": self._context.settings.storage_key, "userStorageArmId": account})

    async def resync_keys(self, _: Request) -> Response:
        # The keys are those of the storage that runs here: there is nothing that they could have come apart from.
        headers = self._context.operations.start(RESYNC, self._context.workspace_id, seconds=0)
        return Response(status_code=202, headers={**headers, **POLL_SOON})

    async def discovery(self, request: Request) -> Response:
        name = request.path_params["workspace"]
        if name != self._context.settings.workspace:
            raise not_found(f"Workspace {name} not found.")
        url = self._context.settings.api_url
        names = ("api", "history", "mlflow", "modelmanagement", "experimentation", "pipelines")
        return JSONResponse({**dict.fromkeys(names, url), "studio": "https://ml.azure.com"})


def routes(context: Context) -> list[Route]:
    """Get, list and change the workspace; its keys and discovery document; and the routes of its datastores."""
    workspaces = _Workspaces(context)
    kept = f"other properties than tags, {', '.join(_CHANGEABLE)}"
    return [
        Operation(f"{arm.GROUP}/workspaces", workspaces.list, "Workspaces_ListByResourceGroup"),
        Operation(f"{arm.SUBSCRIPTION}/workspaces", workspaces.list, "Workspaces_ListBySubscription"),
        Operation(arm.WORKSPACE, workspaces.get, "Workspaces_Get"),
        Operation(arm.WORKSPACE, workspaces.patch, "Workspaces_Update", methods=["PATCH"], missing=kept),
        Operation(f"{arm.WORKSPACE}/listKeys", workspaces.list_keys, "Workspaces_ListKeys", methods=["POST"]),
        Operation(f"{arm.WORKSPACE}/resyncKeys", workspaces.resync_keys, "Workspaces_ResyncKeys", methods=["POST"]),
        Unimplemented(arm.WORKSPACE, "Workspaces_CreateOrUpdate", methods=["PUT"]),
        Unimplemented(arm.WORKSPACE, "Workspaces_Delete", methods=["DELETE"]),
        Operation("/discovery/workspaces/{workspace}", workspaces.discovery, "Discovery document of a workspace"),
        *datastores.routes(context),
    ]
