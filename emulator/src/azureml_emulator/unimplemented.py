"""Operations of Azure's that this emulator has not got: each answers 501 with its name.

What is not listed here is answered 501, too, by its method and path; a name says it better, and the table has it.
"""

from __future__ import annotations

from starlette.routing import Route

from . import arm
from .context import Context
from .routing import Unimplemented

_ALL = ("GET", "PUT", "PATCH", "DELETE")
_VERBS = {"GET": "Get", "PUT": "CreateOrUpdate", "PATCH": "Update", "DELETE": "Delete"}

# Collections of the workspace: their name in the path, and in the operations' names.
_COLLECTIONS = {
    "onlineEndpoints": "OnlineEndpoints",
    "onlineEndpoints/{endpoint}/deployments": "OnlineDeployments",
    "batchEndpoints": "BatchEndpoints",
    "batchEndpoints/{endpoint}/deployments": "BatchDeployments",
    "serverlessEndpoints": "ServerlessEndpoints",
    "schedules": "Schedules",
    "connections": "WorkspaceConnections",
    "featuresets": "FeaturesetContainers",
    "featuresets/{container}/versions": "FeaturesetVersions",
    "featurestoreEntities": "FeaturestoreEntityContainers",
    "featurestoreEntities/{container}/versions": "FeaturestoreEntityVersions",
    "marketplaceSubscriptions": "MarketplaceSubscriptions",
    "outboundRules": "ManagedNetworkSettingsRule",
    "capabilityHosts": "CapabilityHosts",
    "inferencePools": "InferencePools",
    "privateEndpointConnections": "PrivateEndpointConnections",
}
_POSTS = {
    "onlineEndpoints/{name}/listKeys": "OnlineEndpoints_ListKeys",
    "onlineEndpoints/{name}/regenerateKeys": "OnlineEndpoints_RegenerateKeys",
    "onlineEndpoints/{name}/token": "OnlineEndpoints_GetToken",
    "onlineEndpoints/{endpoint}/deployments/{name}/getLogs": "OnlineDeployments_GetLogs",
    "batchEndpoints/{name}/listkeys": "BatchEndpoints_ListKeys",
    "connections/{name}/listsecrets": "WorkspaceConnections_ListSecrets",
    "featuresets/{container}/versions/{name}/backfill": "FeaturesetVersions_Backfill",
    "models/{name}/versions/{version}/package": "ModelVersions_Package",
    **{
        f"{kind}/{{name}}/versions/{{version}}/publish": f"{noun}Versions_Publish"
        for kind, noun in {
            "codes": "Code",
            "components": "Component",
            "data": "Data",
            "environments": "Environment",
            "models": "Model",
        }.items()
    },
    "diagnose": "Workspaces_Diagnose",
    "provisionManagedNetwork": "ManagedNetworkProvisions_ProvisionManagedNetwork",
    "prepareNotebook": "Workspaces_PrepareNotebook",
    "listNotebookAccessToken": "Workspaces_ListNotebookAccessToken",
    "listNotebookKeys": "Workspaces_ListNotebookKeys",
    "listStorageAccountKeys": "Workspaces_ListStorageAccountKeys",
}
_DEPLOYMENTS = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Resources/deployments/{name}"


def routes(_: Context) -> list[Route]:
    """All of them."""
    location = f"{arm.SUBSCRIPTION}/locations/{{location}}"
    return [
        *(route for path, name in _COLLECTIONS.items() for route in _collection(f"{arm.WORKSPACE}/{path}", name)),
        *(Unimplemented(f"{arm.WORKSPACE}/{path}", name, methods=["POST"]) for path, name in _POSTS.items()),
        Unimplemented(f"{location}/quotas", "Quotas_List"),
        Unimplemented(f"{location}/updateQuotas", "Quotas_Update", methods=["POST"]),
        # By this the SDK makes workspaces.
        Unimplemented(_DEPLOYMENTS, "Deployments_CreateOrUpdate", methods=["PUT"]),
    ]


def _collection(path: str, name: str) -> list[Route]:
    one = [Unimplemented(f"{path}/{{name}}", f"{name}_{_VERBS[method]}", methods=[method]) for method in _ALL]
    return [Unimplemented(path, f"{name}_List"), *one]
