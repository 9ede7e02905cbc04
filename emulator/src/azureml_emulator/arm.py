"""What all ARM resources share: path templates, who made them and when, and the names of places."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from starlette.requests import Request

from .errors import not_found
from .settings import Settings

PROVIDER = "Microsoft.MachineLearningServices"
SUBSCRIPTION = f"/subscriptions/{{subscription}}/providers/{PROVIDER}"
GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{PROVIDER}"
WORKSPACE = f"{GROUP}/workspaces/{{workspace}}"
"""Path template of a workspace; the resources in it begin with this."""

_FIXED = ("subscriptions", "resourceGroups", "providers", PROVIDER, "workspaces", "registries")
_CANONICAL = [(re.compile(rf"/{re.escape(one)}(?=/|$)", re.IGNORECASE), f"/{one}") for one in _FIXED]


def canonical(path: str) -> str:
    """The path with ARM's fixed segments in their usual case; clients differ, and ARM does not mind."""
    for pattern, literal in _CANONICAL:
        path = pattern.sub(literal, path)
    return path


def check_group(settings: Settings, request: Request) -> None:
    """Raise ServiceError (404) for a path with another subscription or resource group than the emulator's."""
    named = request.path_params
    subscription, group = named["subscription"], named.get("group")
    if subscription.lower() != settings.subscription_id.lower():
        raise not_found(f"The subscription '{subscription}' could not be found.", "SubscriptionNotFound")
    if group is not None and group.lower() != settings.resource_group.lower():
        raise not_found(f"Resource group '{group}' could not be found.", "ResourceGroupNotFound")


def now() -> str:
    """The time in UTC as Azure writes it, to the microsecond."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def hours_from_now(hours: float) -> dt.datetime:
    """The time in UTC in some hours."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)


def system_data(known: dict[str, Any] | None = None) -> dict[str, Any]:
    """Who made a resource and when; `known` is the systemData of the one that is being replaced."""
    stamp = now()
    by = {"createdBy": "emulator", "createdByType": "Application"}
    created = {"createdAt": stamp, **by} if known is None else {k: known[k] for k in ("createdAt", *by)}
    return {**created, "lastModifiedAt": stamp, "lastModifiedBy": "emulator", "lastModifiedByType": "Application"}


def resource(path: str, kind: str, properties: dict[str, Any], known: dict[str, Any] | None = None) -> dict[str, Any]:
    """A resource in ARM's envelope: id, name, type, properties, systemData."""
    return {
        "id": path,
        "name": path.rsplit("/", 1)[-1],
        "type": f"{PROVIDER}/workspaces/{kind}",
        "properties": properties,
        "systemData": system_data(known and known.get("systemData")),
    }
