"""Computes: instances and clusters with their states, and the operations that take them from one to the next.

https://learn.microsoft.com/rest/api/azureml/compute
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import arm, faults
from .assets import json_object
from .context import Context
from .errors import ServiceError, bad_request, conflict, not_found, not_implemented
from .settings import REGION

KIND = "computes"
INSTANCE = "ComputeInstance"
CLUSTER = "AmlCompute"

SECONDS = {"create": 1.0, "start": 0.6, "stop": 0.6, "restart": 0.8, "delete": 0.4}
"""How long each operation takes here, at the time scale 1. In Azure it is minutes."""

_TRANSIENT = {"start": "Starting", "stop": "Stopping", "restart": "Restarting"}
_FROM = {"start": ("Stopped",), "stop": ("Running",), "restart": ("Running",)}
_REFUSAL = {
    "start": "StartComputeInstanceOnlyAllowedInStoppedState",
    "stop": "StopComputeInstanceOnlyAllowedInRunningState",
    "restart": "RestartComputeInstanceOnlyAllowedInRunningState",
}
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{1,22}[A-Za-z0-9])")


def find(context: Context, name: str) -> dict[str, Any] | None:
    """The compute called `name`, or None."""
    return context.store.get(KIND, f"{context.workspace_id}/{KIND}/{name}")


def state(compute: dict[str, Any]) -> str:
    """An instance's state (Running, Stopped, …); a cluster's provisioning state."""
    properties = compute["properties"]
    return str(
        properties["properties"]["state"] if properties["computeType"] == INSTANCE else properties["provisioningState"]
    )


def _finish(context: Context, operation: str, instance_state: str, target: str) -> None:
    """Bring a compute to the end of an operation. Raises ServiceError if a fault leaves it without a machine."""
    known = context.store.get(KIND, target) or {"name": "", "properties": {"computeType": CLUSTER}}
    if known["properties"]["computeType"] == INSTANCE:
        fault = faults.allocation_of_compute(context, f"compute {operation}", known["name"])
        if fault is not None:
            context.store.update(KIND, target, partial(_fail, operation, fault))
            raise ServiceError(409, fault.code, fault.message)

    def change(compute: dict[str, Any]) -> None:
        properties = compute["properties"]
        properties.update(provisioningState="Succeeded", provisioningErrors=None, modifiedOn=arm.now())
        properties["properties"]["errors"] = []
        if properties["computeType"] == INSTANCE:
            properties["properties"]["state"] = instance_state
        else:
            properties["properties"]["allocationState"] = "Steady"

    context.store.update(KIND, target, change)


def _fail(operation: str, fault: faults.MachineFault, compute: dict[str, Any]) -> None:
    """Leave an instance as Azure does that could not be created or started."""
    errors = [{"error": {"code": fault.code, "message": fault.message}}]
    properties = compute["properties"]
    properties.update(provisioningErrors=errors, modifiedOn=arm.now())
    if operation == "create":
        properties["provisioningState"] = "Failed"
    last = {"operationName": operation.capitalize(), "operationTime": arm.now(), "operationTrigger": "User"}
    properties["properties"].update(
        state="CreateFailed" if operation == "create" else "Stopped",
        errors=errors,
        lastOperation={**last, "operationStatus": f"{operation.capitalize()}Failed"},
    )


def register_operations(context: Context) -> None:
    """Say what each operation leaves behind when it ends."""
    ends = {"create": "Running", "start": "Running", "stop": "Stopped", "restart": "Running"}
    for name, end in ends.items():
        context.operations.on_finish(f"compute {name}", partial(_finish, context, name, end))

    def delete(target: str) -> None:
        context.store.delete(KIND, target)

    context.operations.on_finish("compute delete", delete)


def _new_properties(name: str, given: dict[str, Any]) -> dict[str, Any]:
    kind = given.get("computeType")
    if kind not in {INSTANCE, CLUSTER}:
        raise not_implemented(f"compute type {kind}")
    inner = dict(given.get("properties") or {})
    if not inner.get("vmSize"):
        raise bad_request(f"compute {name} has no vmSize", "ValidationError")
    if kind == INSTANCE:
        inner.setdefault("applicationSharingPolicy", "Personal")
        inner.setdefault("sshSettings", {"sshPublicAccess": "Disabled"})
        inner.update(
            state="Creating", connectivityEndpoints={}, applications=[], errors=[], createdBy={}, lastOperation={}
        )
    else:
        scale = inner.setdefault("scaleSettings", {"minNodeCount": 0, "maxNodeCount": 1})
        nodes = scale.get("minNodeCount", 0)
        inner.update(allocationState="Resizing", currentNodeCount=nodes, targetNodeCount=nodes, errors=[])
    stamp = arm.now()
    return {**given, "properties": inner, "provisioningState": "Creating", "createdOn": stamp, "modifiedOn": stamp}


class _Computes:
    def __init__(self, context: Context) -> None:
        self._context = context

    def _get(self, request: Request) -> dict[str, Any]:
        name = request.path_params["name"]
        compute = find(self._context, name)
        if compute is None:
            raise not_found(f"The Compute {name} was not found in workspace {self._context.settings.workspace}.")
        return compute

    def _idle(self, compute: dict[str, Any]) -> None:
        if self._context.operations.in_flight(compute["id"]):
            text = f"Another operation is in flight on compute {compute['name']} (state {state(compute)})."
            raise conflict(text, "ComputeOperationInProgress")

    def _begin(self, operation: str, compute: dict[str, Any]) -> dict[str, str]:
        seconds = SECONDS[operation] * self._context.settings.time_scale
        return self._context.operations.start(f"compute {operation}", compute["id"], seconds=seconds)

    async def list(self, _: Request) -> Response:
        return JSONResponse({"value": self._context.store.list(KIND, f"{self._context.workspace_id}/{KIND}/")})

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._get(request))

    async def put(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not _NAME.fullmatch(name):
            text = f"'{name}' is not a compute name: 3 to 24 letters, digits and '-', a letter first, no '-' last"
            raise bad_request(text, "ValidationError")
        body = await json_object(request)
        known = find(self._context, name)
        if known is not None:
            self._idle(known)
        path = f"{self._context.workspace_id}/{KIND}/{name}"
        compute = arm.resource(path, KIND, _new_properties(name, body.get("properties") or {}), known)
        compute.update(
            location=body.get("location") or REGION, tags=body.get("tags") or {}, identity=body.get("identity")
        )
        # One transaction: a compute whose operation is not known would never leave its state.
        with self._context.store.transaction():
            self._context.store.put(KIND, path, compute)
            headers = self._begin("create", compute)
        return JSONResponse(compute, status_code=200 if known else 201, headers=headers)

    async def patch(self, request: Request) -> Response:
        compute = self._get(request)
        self._idle(compute)
        body = await json_object(request)
        changes = ((body.get("properties") or {}).get("properties")) or {}
        changed = self._context.store.update(
            KIND, compute["id"], lambda c: c["properties"]["properties"].update(changes)
        )
        return JSONResponse(changed)

    async def delete(self, request: Request) -> Response:
        compute = self._get(request)
        self._idle(compute)
        with self._context.store.transaction():
            self._context.store.update(KIND, compute["id"], _mark_deleting)
            headers = self._begin("delete", compute)
        return Response(status_code=202, headers=headers)

    def action(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            compute = self._get(request)
            self._idle(compute)
            if compute["properties"]["computeType"] != INSTANCE:
                raise bad_request(
                    f"Compute {compute['name']} is a cluster; only an instance can {name}.", "ValidationError"
                )
            if (now := state(compute)) not in _FROM[name]:
                text = f"Compute {compute['name']} is in state {now}: {name} needs it to be {_FROM[name][0]}."
                raise conflict(text, _REFUSAL[name])
            transient = {"state": _TRANSIENT[name]}
            with self._context.store.transaction():
                self._context.store.update(
                    KIND, compute["id"], lambda c: c["properties"]["properties"].update(transient)
                )
                headers = self._begin(name, compute)
            return Response(status_code=202, headers=headers)

        return endpoint


def _mark_deleting(compute: dict[str, Any]) -> None:
    compute["properties"]["provisioningState"] = "Deleting"
    if compute["properties"]["computeType"] == INSTANCE:
        compute["properties"]["properties"]["state"] = "Deleting"


def routes(context: Context) -> list[Route]:
    """List, get, create, change, delete, start, stop and restart."""
    computes, base = _Computes(context), f"{arm.WORKSPACE}/{KIND}"
    return [
        Route(base, computes.list),
        Route(f"{base}/{{name}}", computes.get),
        Route(f"{base}/{{name}}", computes.put, methods=["PUT"]),
        Route(f"{base}/{{name}}", computes.patch, methods=["PATCH"]),
        Route(f"{base}/{{name}}", computes.delete, methods=["DELETE"]),
        *(Route(f"{base}/{{name}}/{name}", computes.action(name), methods=["POST"]) for name in _TRANSIENT),
    ]
