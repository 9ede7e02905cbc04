"""What Azure Resource Manager tells anybody of its cloud: the endpoints and suffixes that clients begin with.

https://management.azure.com/metadata/endpoints: read by the az CLI and by azureml-mlflow before they sign in.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .context import Context
from .routing import Operation
from .settings import ARM_HOST, LOGIN_HOST

PATH = "/metadata/endpoints"

_CLOUD: dict[str, Any] = {
    "name": "AzureCloud",
    "portal": "https://portal.azure.com",
    "authentication": {
        "loginEndpoint": f"https://{LOGIN_HOST}",
        "audiences": ["https://management.core.windows.net/", f"https://{ARM_HOST}/"],
        "tenant": "common",
        "identityProvider": "AAD",
    },
    "resourceManager": f"https://{ARM_HOST}/",
    "gallery": "https://gallery.azure.com/",
    "graph": "https://graph.windows.net/",
    "graphAudience": "https://graph.windows.net/",
    "microsoftGraphResourceId": "https://graph.microsoft.com/",
    "batch": "https://batch.core.windows.net/",
    "media": "https://rest.media.azure.net",
    "sqlManagement": "https://management.core.windows.net:8443/",
    "activeDirectoryDataLake": "https://datalake.azure.net/",
    "ossrdbmsResourceId": "https://ossrdbms-aad.database.windows.net",
    "vmImageAliasDoc": (
        "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json"
    ),
    "suffixes": {
        "storage": "core.windows.net",
        "storageSyncEndpointSuffix": "afs.azure.net",
        "keyVaultDns": "vault.azure.net",
        "mhsmDns": "managedhsm.azure.net",
        "sqlServerHostname": "database.windows.net",
        "mysqlServerEndpoint": "mysql.database.azure.com",
        "postgresqlServerEndpoint": "postgres.database.azure.com",
        "mariadbServerEndpoint": "mariadb.database.azure.com",
        "acrLoginServer": "azurecr.io",
        "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
        "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        "synapseAnalytics": "dev.azuresynapse.net",
        "attestationEndpoint": "attest.azure.net",
    },
}


def routes(_: Context) -> list[Operation]:
    """The one route; it needs no token."""

    async def endpoints(request: Request) -> Response:
        # The first versions answer the one cloud alone, later ones a list.
        alone = request.query_params.get("api-version", "") < "2019-05-01"
        return JSONResponse(_CLOUD if alone else [_CLOUD])

    return [Operation(PATH, endpoints, "Metadata_Endpoints")]
