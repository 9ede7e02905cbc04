"""The states of computes: how long an operation takes, what a compute is meanwhile, and what it leaves behind.

https://learn.microsoft.com/rest/api/azureml/compute
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import arm, faults
from ..context import Context
from ..errors import ServiceError
from .definitions import CLUSTER, INSTANCE

KIND = "computes"

SECONDS = {"create": 1.0, "update": 0.4, "start": 0.6, "stop": 0.6, "restart": 0.8, "delete": 0.4}
"""How long each operation takes here, at the time scale 1. In Azure it is minutes."""

TRANSIENT = {"start": "Starting", "stop": "Stopping", "restart": "Restarting"}
FROM = {"start": ("Stopped",), "stop": ("Running",), "restart": ("Running",)}
REFUSAL = {
    "start": "StartComputeInstanceOnlyAllowedInStoppedState",
    "stop": "StopComputeInstanceOnlyAllowedInRunningState",
    "restart": "RestartComputeInstanceOnlyAllowedInRunningState",
}
_ENDS = {"create": "Running", "start": "Running", "stop": "Stopped", "restart": "Running", "update": None}
"""An instance's state after each operation; None: the one that it was in."""

_WITHOUT_MACHINE = {"create": "CreateFailed", "start": "Stopped", "restart": "Stopped"}
"""An instance's state if the operation got no machine."""


def find(context: Context, name: str) -> dict[str, Any] | None:
    """The compute called `name`, or None."""
    return context.store.get(KIND, f"{context.workspace_id}/{KIND}/{name}")


def every(context: Context) -> list[dict[str, Any]]:
    """All computes, oldest first."""
    return context.store.list(KIND, f"{context.workspace_id}/{KIND}/")


def state(compute: dict[str, Any]) -> str:
    """An instance's state (Running, Stopped, …); a cluster's provisioning state."""
    properties = compute["properties"]
    return str(
        properties["properties"]["state"] if properties["computeType"] == INSTANCE else properties["provisioningState"]
    )


def register_operations(context: Context) -> None:
    """Say what each operation leaves behind when it ends."""
    for name in _ENDS:
        context.operations.on_finish(f"compute {name}", partial(_finish, context, name))

    def delete(target: str) -> None:
        context.store.delete(KIND, target)

    context.operations.on_finish("compute delete", delete)


def _finish(context: Context, operation: str, target: str) -> None:
    fault = None
    if operation in _WITHOUT_MACHINE:
        fault = faults.allocation_of_compute(context, f"compute {operation}", target.rsplit("/", 1)[-1])
    error = None if fault is None else {"code": fault.code, "message": fault.message}

    def change(compute: dict[str, Any]) -> None:
        properties, inner = compute["properties"], compute["properties"]["properties"]
        failed = error is not None
        properties.update(
            provisioningState="Failed" if failed else "Succeeded",
            provisioningErrors=[{"error": error}] if failed else None,
            modifiedOn=arm.now(),
        )
        if properties["computeType"] == INSTANCE:
            end = _WITHOUT_MACHINE[operation] if failed else _ENDS[operation]
            inner["state"] = end or inner["state"]
            inner["errors"] = [{"error": error}] if failed else []
            inner["lastOperation"] = last(operation, f"{operation.title()}Failed" if failed else "Succeeded")
        else:
            nodes = 0 if failed else inner["scaleSettings"]["minNodeCount"]
            inner.update(allocationState="Steady", currentNodeCount=nodes, targetNodeCount=nodes)

    context.store.update(KIND, target, change)
    if fault is not None:
        raise ServiceError(400, fault.code, fault.message)


def last(operation: str, status: str) -> dict[str, str]:
    """What an instance tells of the last operation on it."""
    # Of the names that Azure has for it, none is for a change of what the instance is.
    name = "Reimage" if operation == "update" else operation.title()
    return {
        "operationName": name,
        "operationStatus": status,
        "operationTime": arm.now(),
        "operationTrigger": "User",
    }


def begun(properties: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
    """The checked properties with the state that they are in while the operation runs."""
    stamp, inner = arm.now(), properties["properties"]
    created = stamp if known is None else known["properties"]["createdOn"]
    begun = {"createdOn": created, "modifiedOn": stamp, "provisioningErrors": None, "isAttachedCompute": False}
    if properties["computeType"] == CLUSTER:
        nodes = 0 if known is None else known["properties"]["properties"]["currentNodeCount"]
        target = inner["scaleSettings"]["minNodeCount"]
        inner.update(allocationState="Resizing", currentNodeCount=nodes, targetNodeCount=target, errors=[])
        return {**properties, **begun, "provisioningState": "Creating" if known is None else "Updating"}
    if known is not None:
        # Whoever sends an instance that exists changes what may change of it: it is neither started nor stopped.
        inner = {**known["properties"]["properties"], **inner}
        return {**properties, **begun, "properties": inner, "provisioningState": "Updating"}
    inner.update(state="Creating", connectivityEndpoints={}, applications=[], errors=[], createdBy={})
    inner["lastOperation"] = last("create", "InProgress")
    return {**properties, **begun, "provisioningState": "Creating"}


def mark_deleting(compute: dict[str, Any]) -> None:
    """Put a compute in the state that it is in until it is gone."""
    compute["properties"]["provisioningState"] = "Deleting"
    if compute["properties"]["computeType"] == INSTANCE:
        compute["properties"]["properties"]["state"] = "Deleting"
