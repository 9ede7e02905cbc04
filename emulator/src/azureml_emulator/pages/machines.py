"""Computes with their states, and the faults that are armed."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import computes, faults
from ..jobs import runs
from ..jobs.runs import KIND as RUNS
from .job_list import BUSY_MS, IDLE_MS
from .site import Site

_SETTLED = {"Running", "Stopped", "Succeeded", "Failed"}


def _state(compute: dict[str, Any]) -> str:
    """The state of an instance, or of a cluster: whether it changes its size."""
    properties = compute["properties"]
    if properties["computeType"] == computes.INSTANCE:
        return str(properties["properties"]["state"])
    steady = properties["properties"].get("allocationState") == "Steady"
    provisioning = str(properties["provisioningState"])
    return provisioning if steady or provisioning != "Succeeded" else "Resizing"


def routes(site: Site) -> list[Route]:
    """The lists of computes and of faults."""
    store = site.context.store

    def listed(request: Request) -> Response:
        found = store.list(computes.KIND, f"{site.context.workspace_id}/{computes.KIND}/")
        running, _ = store.search(RUNS, {"status": runs.RUNNING}, limit=200)
        states = {compute["name"]: _state(compute) for compute in found}
        busy = running or any(state not in _SETTLED for state in states.values())
        return site.page(
            request,
            "computes.html",
            computes=found,
            # A running compute has come to rest, unlike a running job.
            states={name: "Running compute" if state == runs.RUNNING else state for name, state in states.items()},
            running={name: [run for run in running if run["compute"] == name] for name in states},
            live=BUSY_MS if busy else IDLE_MS,
        )

    def armed(request: Request) -> Response:
        return site.page(request, "faults.html", rules=faults.armed(site.context), live=IDLE_MS)

    return [Route("/computes", listed), Route("/faults", armed)]
