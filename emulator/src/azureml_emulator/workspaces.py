"""The workspace, its discovery document, and its datastores with their secrets."""

from __future__ import annotations

import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import arm
from .blobs import DATASTORES
from .context import Context
from .errors import not_found
from .settings import REGION

KIND = "workspaces"
DATASTORE = "datastores"


def create(context: Context) -> None:
    """Make the workspace and the two datastores that Azure makes with it, unless they are there."""
    settings, path = context.settings, context.workspace_id
    if context.store.get(KIND, path) is None:
        group = path.split("/providers/")[0]
        properties = {
            "friendlyName": settings.workspace,
            "description": "",
            "workspaceId": str(uuid.uuid5(uuid.NAMESPACE_URL, path)),
            "discoveryUrl": f"{settings.api_url}/discovery/workspaces/{settings.workspace}",
            "mlFlowTrackingUri": f"azureml://{REGION}.api.azureml.ms/mlflow/v2.0{path}",
            "storageAccount": f"{group}/providers/Microsoft.Storage/storageAccounts/{settings.storage_account}",
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
    for name, container in DATASTORES.items():
        if context.store.get(DATASTORE, f"{path}/{DATASTORE}/{name}") is None:
            properties = {
                "datastoreType": "AzureBlob",
                "isDefault": name == "workspaceblobstore",
                "accountName": settings.storage_account,
                "containerName": container,
                "endpoint": "core.windows.net",
                "protocol": "https",
                "credentials": {"credentialsType": "Sas"},
                "serviceDataAccessAuthIdentity": "None",
                "properties": {},
                "tags": {},
                "description": None,
            }
            datastore = arm.resource(f"{path}/{DATASTORE}/{name}", DATASTORE, properties)
            context.store.put(DATASTORE, datastore["id"], datastore)


def routes(context: Context) -> list[Route]:
    """GET of the workspace, its discovery document, datastores, and the secrets of a datastore."""

    async def get_workspace(_: Request) -> Response:
        return JSONResponse(context.store.get(KIND, context.workspace_id))

    async def discovery(request: Request) -> Response:
        name = request.path_params["workspace"]
        if name != context.settings.workspace:
            raise not_found(f"Workspace {name} not found.")
        url = context.settings.api_url
        names = ("api", "history", "mlflow", "modelmanagement", "experimentation", "pipelines")
        return JSONResponse({**dict.fromkeys(names, url), "studio": "https://ml.azure.com"})

    async def list_datastores(request: Request) -> Response:
        datastores = context.store.list(DATASTORE, f"{context.workspace_id}/{DATASTORE}/")
        if request.query_params.get("isDefault", "").lower() == "true":
            datastores = [d for d in datastores if d["properties"]["isDefault"]]
        return JSONResponse({"value": datastores})

    async def get_datastore(request: Request) -> Response:
        name = request.path_params["name"]
        datastore = context.store.get(DATASTORE, f"{context.workspace_id}/{DATASTORE}/{name}")
        if datastore is None:
            raise not_found(f"Datastore {name} not found.", "UserError")
        return JSONResponse(datastore)

    async def list_secrets(request: Request) -> Response:
        name = request.path_params["name"]
        datastore = context.store.get(DATASTORE, f"{context.workspace_id}/{DATASTORE}/{name}")
        if datastore is None:
            raise not_found(f"Datastore {name} not found.", "UserError")
        token = context.blobs.container_sas(datastore["properties"]["containerName"])
        return JSONResponse({"secretsType": "Sas", "sasToken": token})

    return [
        Route(arm.WORKSPACE, get_workspace),
        Route("/discovery/workspaces/{workspace}", discovery),
        Route(f"{arm.WORKSPACE}/{DATASTORE}", list_datastores),
        Route(f"{arm.WORKSPACE}/{DATASTORE}/{{name}}", get_datastore),
        Route(f"{arm.WORKSPACE}/{DATASTORE}/{{name}}/listSecrets", list_secrets, methods=["POST"]),
    ]
