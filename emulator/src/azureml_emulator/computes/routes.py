"""The requests for computes: list, get, create, change, delete, start, stop, restart, and the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import arm, paging
from ..assets import json_object
from ..context import Context
from ..errors import bad_request, conflict, not_found, not_implemented
from ..routing import Operation, Unimplemented
from ..settings import REGION
from ..shapes import mapping, strings
from . import definitions, nodes, quota, states
from .definitions import CLUSTER, INSTANCE
from .states import KIND, SECONDS, every, find, state


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
        compute = arm.resource(path, KIND, states.begun(properties, known), known)
        compute.update(
            location=body.get("location") or REGION,
            tags=strings(body.get("tags"), "tags"),
            identity=definitions.identity(body.get("identity")),
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
            self._context.store.update(KIND, compute["id"], states.mark_deleting)
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
        return JSONResponse({"nodes": await run_in_threadpool(nodes.nodes, self._context, compute)})

    def action(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            compute = self._get(request)
            self._idle(compute)
            if compute["properties"]["computeType"] != INSTANCE:
                raise bad_request(
                    f"Compute {compute['name']} is a cluster; only an instance can {name}.", "ValidationError"
                )
            if (now := state(compute)) not in states.FROM[name]:
                text = f"Compute {compute['name']} is in state {now}: {name} needs it to be {states.FROM[name][0]}."
                raise conflict(text, states.REFUSAL[name])
            if name == "start":
                self._check_quota(compute)
            begun = {"state": states.TRANSIENT[name], "lastOperation": states.last(name, "InProgress")}
            with self._context.store.transaction():
                self._context.store.update(KIND, compute["id"], lambda c: c["properties"]["properties"].update(begun))
                headers = self._begin(name, compute)
            return Response(status_code=202, headers=headers)

        return endpoint


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
        for name in states.TRANSIENT
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
