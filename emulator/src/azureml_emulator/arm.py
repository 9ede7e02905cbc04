"""What all ARM resources share: path templates, who made them and when, and the names of places."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

PROVIDER = "Microsoft.MachineLearningServices"
WORKSPACE = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{PROVIDER}/workspaces/{{workspace}}"
"""Path template of a workspace; the resources in it begin with this."""

_CANONICAL = [
    (re.compile(rf"/{literal}(?=/|$)", re.IGNORECASE), f"/{literal}")
    for literal in ("subscriptions", "resourceGroups", "providers", re.escape(PROVIDER).replace("\\", ""), "workspaces")
]


def canonical(path: str) -> str:
    """The path with ARM's fixed segments in their usual case; clients differ, and ARM does not mind."""
    for pattern, literal in _CANONICAL:
        path = pattern.sub(literal, path)
    return path


def now() -> str:
    """The time in UTC as Azure writes it, to the microsecond."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


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
