"""Computes: instances and clusters with their states, and the operations that take them from one to the next.

https://learn.microsoft.com/rest/api/azureml/compute
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import arm, faults, paging
from ..assets import json_object
from ..context import Context
from ..errors import ServiceError, bad_request, conflict, not_found, not_implemented
from ..routing import Operation, Unimplemented
from ..settings import REGION
from ..shapes import mapping, strings
from . import definitions, quota
from .definitions import CLUSTER, INSTANCE

__all__ = ["CLUSTER", "INSTANCE", "KIND", "SECONDS", "every", "find", "register_operations", "routes", "state"]

KIND = "computes"

SECONDS = {"create": 1.0, "update": 0.4, "start": 0.6, "stop": 0.6, "restart": 0.8, "delete": 0.4}
"""How long each operation takes here, at the time scale 1. In Azure it is minutes."""

_TRANSIENT = {"start": "Starting", "stop": "Stopping", "restart": "Restarting"}
_FROM = {"start": ("Stopped",), "stop": ("Running",), "restart": ("Running",)}
_REFUSAL = {
    "start": "StartComputeInstanceOnlyAllowedInStoppedState",
    "stop": "StopComputeInstanceOnlyAllowedInRunningState",
    "restart": "RestartComputeInstanceOnlyAllowedInRunningState",
}
_ENDS = {"create": "Running", "start": "Running", "stop": "Stopped", "restart": "Running", "update": None}
"""An instance's state after each operation; None: the one that it was in."""

_WITHOUT_MACHINE = {"create": "CreateFailed", "start": "Stopped", "restart": "Stopped"}
"""An instance's state if the operation got no machine."""

_BUSY = frozenset({"Preparing", "Starting", "Running", "Finalizing", "CancelRequested"})
"""States of a run in which it holds a node of its cluster."""


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
            inner["lastOperation"] = _last(operation, f"{operation.title()}Failed" if failed else "Succeeded")
        else:
            nodes = 0 if failed else inner["scaleSettings"]["minNodeCount"]
            inner.update(allocationState="Steady", currentNodeCount=nodes, targetNodeCount=nodes)

    context.store.update(KIND, target, change)
    if fault is not None:
        raise ServiceError(400, fault.code, fault.message)


def _last(operation: str, status: str) -> dict[str, str]:
    # Of the names that Azure has for it, none is for a change of what the instance is.
    name = "Reimage" if operation == "update" else operation.title()
    return {
        "operationName": name,
        "operationStatus": status,
        "operationTime": arm.now(),
        "operationTrigger": "User",
    }


def _begun(properties: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
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
    inner["lastOperation"] = _last("create", "InProgress")
    return {**properties, **begun, "provisioningState": "Creating"}


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

    def _check_quota(self, compute: dict[str, Any]) -> None:
        """Raise ServiceError (400) if there is no room for the compute, running, beside the others."""
        others = [one for one in every(self._context) if one["id"].lower() != compute["id"].lower()]
        inner = {**compute["properties"]["properties"], "state": "Running"}
        use = quota.of({"properties": {**compute["properties"], "properties": inner}})
        if use is not None:
            quota.check(self._context.settings.state, others, use)

    async def list(self, request: Request) -> Response:
        return paging.paged(request, every(self._context))

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._get(request))

    async def put(self, request: Request) -> Response:
        name = request.path_params["name"]
        definitions.check_name(name)
        body = await json_object(request)
        known = find(self._context, name)
        if known is not None:
            self._idle(known)
        properties = definitions.read(name, mapping(body.get("properties"), "properties"), known)
        path = f"{self._context.workspace_id}/{KIND}/{known['name'] if known else name}"
        compute = arm.resource(path, KIND, _begun(properties, known), known)
        compute.update(
            location=body.get("location") or REGION,
            tags=strings(body.get("tags"), "tags"),
            identity=mapping(body.get("identity"), "identity") or None,
        )
        # A cluster that shrinks, or an instance that is there already, needs no more than it has.
        if known is None or compute["properties"]["computeType"] == CLUSTER:
            self._check_quota(compute)
        with self._context.store.transaction():
            self._context.store.put(KIND, path, compute)
            headers = self._begin("create" if known is None else "update", compute)
        return JSONResponse(compute, status_code=200 if known else 201, headers=headers)

    async def patch(self, request: Request) -> Response:
        body = await json_object(request)
        compute = self._get(request)
        self._idle(compute)
        if compute["properties"]["computeType"] != CLUSTER:
            raise bad_request(f"Compute {compute['name']} is an instance; only a cluster can be scaled.", "BadRequest")
        changes = mapping(mapping(body.get("properties"), "properties").get("properties"), "properties.properties")
        if other := changes.keys() - {"scaleSettings"}:
            raise not_implemented(f"changing {', '.join(sorted(other))} of a cluster by PATCH")
        inner = compute["properties"]["properties"]
        wanted = {**inner["scaleSettings"], **mapping(changes.get("scaleSettings"), "scaleSettings")}
        inner["scaleSettings"] = definitions.scale(compute["name"], wanted)
        inner.update(allocationState="Resizing", targetNodeCount=inner["scaleSettings"]["minNodeCount"])
        compute["properties"]["provisioningState"] = "Updating"
        self._check_quota(compute)
        with self._context.store.transaction():
            self._context.store.put(KIND, compute["id"], compute)
            headers = self._begin("update", compute)
        return JSONResponse(compute, headers=headers)

    async def delete(self, request: Request) -> Response:
        action = request.query_params.get("underlyingResourceAction", "")
        if action.lower() == "detach":
            raise not_implemented("detaching a compute")
        if action.lower() != "delete":
            raise bad_request(f"underlyingResourceAction is '{action}', not Delete or Detach", "ValidationError")
        compute = self._get(request)
        self._idle(compute)
        with self._context.store.transaction():
            self._context.store.update(KIND, compute["id"], _mark_deleting)
            headers = self._begin("delete", compute)
        return Response(status_code=202, headers=headers)

    async def set_idle_shutdown(self, request: Request) -> Response:
        body = await json_object(request)
        compute = self._get(request)
        if compute["properties"]["computeType"] != INSTANCE:
            raise bad_request(f"Compute {compute['name']} is a cluster; only an instance shuts down.", "BadRequest")
        where = "idleTimeBeforeShutdown"
        idle = {where: definitions.check_idle_shutdown(body.get(where), where)}
        self._context.store.update(KIND, compute["id"], lambda c: c["properties"]["properties"].update(idle))
        return Response(status_code=200)

    async def list_nodes(self, request: Request) -> Response:
        compute = self._get(request)
        if compute["properties"]["computeType"] != CLUSTER:
            raise bad_request(f"Compute {compute['name']} is an instance; only a cluster has nodes.", "BadRequest")
        return JSONResponse({"nodes": await run_in_threadpool(self._nodes, compute)})

    def _nodes(self, compute: dict[str, Any]) -> Sequence[dict[str, Any]]:
        """A node for each run, and idle ones up to the minimum."""
        name, settings = compute["name"], compute["properties"]["properties"]["scaleSettings"]
        runs = [
            run["name"]
            for run in self._context.store.list("runs")
            if run["status"] in _BUSY and (run["compute"] or "").lower() == name.lower()
        ]
        busy = runs[: settings["maxNodeCount"]]
        idle = max(compute["properties"]["properties"]["currentNodeCount"] - len(busy), 0)
        states = [("running", run) for run in busy] + [("idle", None)] * idle
        return [
            {"nodeId": _node_id(compute["id"], number), "nodeState": node_state, "runId": run}
            for number, (node_state, run) in enumerate(states)
        ]

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
            if name == "start":
                self._check_quota(compute)
            begun = {"state": _TRANSIENT[name], "lastOperation": _last(name, "InProgress")}
            with self._context.store.transaction():
                self._context.store.update(KIND, compute["id"], lambda c: c["properties"]["properties"].update(begun))
                headers = self._begin(name, compute)
            return Response(status_code=202, headers=headers)

        return endpoint


def _node_id(cluster: str, number: int) -> str:
    return f"tvmps_{uuid.uuid5(uuid.NAMESPACE_URL, f'{cluster}/{number}').hex}_d"


def _mark_deleting(compute: dict[str, Any]) -> None:
    compute["properties"]["provisioningState"] = "Deleting"
    if compute["properties"]["computeType"] == INSTANCE:
        compute["properties"]["properties"]["state"] = "Deleting"


def routes(context: Context) -> list[Route]:
    """List, get, create, change, delete, start, stop and restart computes, and list the nodes of a cluster."""
    computes, base = _Computes(context), f"{arm.WORKSPACE}/{KIND}"
    one = f"{base}/{{name}}"
    kinds = (
        "types other than ComputeInstance and AmlCompute; schedules, setup scripts and custom services of an instance; "
        "networks, identities and idle shutdown are kept but have no effect"
    )
    actions = [
        Operation(f"{one}/{name}", computes.action(name), f"Compute_{name.title()}", methods=["POST"])
        for name in _TRANSIENT
    ]
    absent = {
        "Compute_ListKeys": "listKeys",
        "Compute_EnableSso": "enableSso",
        "Compute_Resize": "resize",
        "Compute_UpdateCustomServices": "customServices",
        "Compute_UpdateDataMounts": "updateDataMounts",
    }
    idle = f"{one}/updateIdleShutdownSetting"
    return [
        Operation(base, computes.list, "Compute_List"),
        Operation(one, computes.get, "Compute_Get"),
        Operation(one, computes.put, "Compute_CreateOrUpdate", methods=["PUT"], missing=kinds),
        Operation(one, computes.patch, "Compute_Update", methods=["PATCH"]),
        Operation(one, computes.delete, "Compute_Delete", methods=["DELETE"], missing="Detach"),
        *actions,
        Operation(
            f"{one}/listNodes",
            computes.list_nodes,
            "Compute_ListNodes",
            methods=["POST"],
            missing="addresses and ports of nodes",
        ),
        Operation(
            idle,
            computes.set_idle_shutdown,
            "Compute_UpdateIdleShutdownSetting",
            methods=["POST"],
            missing="an idle instance is not stopped",
        ),
        *(Unimplemented(f"{one}/{path}", name, methods=["POST"]) for name, path in absent.items()),
        Unimplemented(f"{one}/getAllowedVmSizes", "Compute_GetAllowedResizeSizes"),
    ]
