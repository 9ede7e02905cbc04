"""The subscription, its tenant and its resource group: what `az login` and tools that choose a subscription ask for.

https://learn.microsoft.com/rest/api/resources
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .context import Context
from .errors import ServiceError, not_found
from .routing import Operation
from .settings import REGION


class _Subscriptions:
    def __init__(self, context: Context) -> None:
        self._settings = context.settings

    def _subscription(self) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{self._settings.subscription_id}",
            "subscriptionId": self._settings.subscription_id,
            "tenantId": self._settings.tenant_id,
            "displayName": "Azure ML emulator",
            "state": "Enabled",
            "authorizationSource": "RoleBased",
            "subscriptionPolicies": {"locationPlacementId": "", "quotaId": "", "spendingLimit": "Off"},
            "managedByTenants": [],
            "tags": {},
        }

    def _group(self) -> dict[str, Any]:
        name = self._settings.resource_group
        return {
            "id": f"/subscriptions/{self._settings.subscription_id}/resourceGroups/{name}",
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": REGION,
            "tags": {},
            "properties": {"provisioningState": "Succeeded"},
        }

    def _check(self, request: Request) -> None:
        named = request.path_params["subscription"]
        if named.lower() != self._settings.subscription_id.lower():
            raise ServiceError(404, "SubscriptionNotFound", f"The subscription '{named}' could not be found.")

    async def list(self, _: Request) -> Response:
        return JSONResponse({"value": [self._subscription()], "count": {"type": "Total", "value": 1}})

    async def get(self, request: Request) -> Response:
        self._check(request)
        return JSONResponse(self._subscription())

    async def tenants(self, _: Request) -> Response:
        tenant = self._settings.tenant_id
        named = {"id": f"/tenants/{tenant}", "tenantId": tenant, "tenantCategory": "Home", "displayName": "Emulator"}
        return JSONResponse({"value": [named]})

    async def groups(self, request: Request) -> Response:
        self._check(request)
        return JSONResponse({"value": [self._group()]})

    async def group(self, request: Request) -> Response:
        self._check(request)
        name = request.path_params["group"]
        if name.lower() != self._settings.resource_group.lower():
            raise not_found(f"Resource group '{name}' could not be found.", "ResourceGroupNotFound")
        return JSONResponse(self._group())

    async def group_exists(self, request: Request) -> Response:
        self._check(request)
        is_ours = request.path_params["group"].lower() == self._settings.resource_group.lower()
        return Response(status_code=204 if is_ours else 404)


def routes(context: Context) -> list[Route]:
    """Subscriptions, tenants and resource groups, to be read only: an emulator has one of each."""
    subscriptions = _Subscriptions(context)
    groups = "/subscriptions/{subscription}/resourceGroups"
    return [
        Operation("/tenants", subscriptions.tenants, "Tenants_List"),
        Operation("/subscriptions", subscriptions.list, "Subscriptions_List"),
        Operation("/subscriptions/{subscription}", subscriptions.get, "Subscriptions_Get"),
        Operation(groups, subscriptions.groups, "ResourceGroups_List"),
        Operation(groups + "/{group}", subscriptions.group_exists, "ResourceGroups_CheckExistence", methods=["HEAD"]),
        Operation(groups + "/{group}", subscriptions.group, "ResourceGroups_Get"),
    ]
