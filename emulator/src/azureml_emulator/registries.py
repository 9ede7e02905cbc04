"""The public registry `azureml`: its discovery, and the one component that this emulator brings along."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .context import Context
from .errors import not_found
from .settings import REGION

REGISTRY = "azureml"


def routes(context: Context) -> list[Route]:
    """Discovery: where the registry's resource provider answers."""

    async def discovery(request: Request) -> Response:
        name = request.path_params["registry"]
        if name != REGISTRY:
            raise not_found(f"Registry {name} not found: this emulator has the registry {REGISTRY}.")
        subscription, group = context.settings.subscription_id, "registries"
        path = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices"
        return JSONResponse(
            {
                "registryName": name,
                "primaryRegionResourceProviderUri": f"{context.settings.api_url}/",
                "resourceId": f"{path}/registries/{name}",
                "location": REGION,
                "primaryRegion": REGION,
                "subscriptionId": subscription,
                "resourceGroup": group,
            }
        )

    return [Route("/registrymanagement/v1.0/registries/{registry}/discovery", discovery)]
