"""What to do in each state of a compute instance and of a cluster, for each state that it may be wanted in.

`Missing` stands for a compute that is not there. A state that is in neither table is one that Azure has added since: it
is waited in, as nobody knows what an operation would do to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

ComputeState = Literal["running", "stopped", "deleted"]
Step = Literal["done", "wait", "create", "start", "stop", "delete", "recreate", "fail"]
"""`recreate`: beyond repair, so it is deleted and created anew, if that is allowed; `fail`: nothing leads there."""

MISSING = "Missing"
INSTANCE = "ComputeInstance"


def _row(running: Step, stopped: Step, deleted: Step) -> dict[ComputeState, Step]:
    return {"running": running, "stopped": stopped, "deleted": deleted}


_IN_FLIGHT = _row("wait", "wait", "wait")
_BEYOND_REPAIR = _row("recreate", "fail", "delete")

# https://learn.microsoft.com/rest/api/azureml/compute/get#computeinstancestate, and provisioning states, which stand in
# for it as long as an instance has none of its own.
INSTANCE_STATES: dict[str, dict[ComputeState, Step]] = {
    MISSING: _row("create", "done", "done"),
    "Running": _row("done", "stop", "delete"),
    "JobRunning": _row("done", "stop", "delete"),
    "Stopped": _row("start", "done", "delete"),
    "Creating": _IN_FLIGHT,
    "SettingUp": _IN_FLIGHT,
    "SystemSettingUp": _IN_FLIGHT,
    "UserSettingUp": _IN_FLIGHT,
    "Starting": _IN_FLIGHT,
    "Stopping": _IN_FLIGHT,
    "Restarting": _IN_FLIGHT,
    "Resizing": _IN_FLIGHT,
    "Updating": _IN_FLIGHT,
    "Deleting": _IN_FLIGHT,
    "Succeeded": _IN_FLIGHT,
    # It may be any of them, and come back. Only deleting is right whatever it is.
    "Unknown": _row("wait", "wait", "delete"),
    "CreateFailed": _BEYOND_REPAIR,
    "SetupFailed": _BEYOND_REPAIR,
    "UserSetupFailed": _BEYOND_REPAIR,
    "Failed": _BEYOND_REPAIR,
    "Canceled": _BEYOND_REPAIR,
    "Unusable": _BEYOND_REPAIR,
}

# https://learn.microsoft.com/rest/api/azureml/compute/get#provisioningstate; Resizing is an allocation state. A cluster
# that is there is running, as it gets its machines with its jobs, and stopped, as it gives them back.
CLUSTER_STATES: dict[str, dict[ComputeState, Step]] = {
    MISSING: _row("create", "done", "done"),
    "Succeeded": _row("done", "done", "delete"),
    "Resizing": _row("done", "done", "delete"),
    "Creating": _IN_FLIGHT,
    "Updating": _IN_FLIGHT,
    "Deleting": _IN_FLIGHT,
    "Unknown": _row("wait", "wait", "delete"),
    "Failed": _BEYOND_REPAIR,
    "Canceled": _BEYOND_REPAIR,
}


def is_instance(compute: Mapping[str, Any] | None) -> bool:
    """Whether it is an instance; what is not there is taken for one, as that makes no difference."""
    return compute is None or compute["properties"]["computeType"] == INSTANCE


def state_of(compute: Mapping[str, Any] | None) -> str:
    """The state that the tables go by: an instance's own, a cluster's provisioning state or Resizing, or Missing."""
    if compute is None:
        return MISSING
    properties = compute["properties"]
    inner = properties.get("properties") or {}
    state = str(properties["provisioningState"])
    if is_instance(compute):
        return str(inner.get("state") or state)
    return "Resizing" if state == "Succeeded" and inner.get("allocationState") == "Resizing" else state


def step(compute: Mapping[str, Any] | None, wanted: ComputeState) -> Step:
    """What the compute's state asks for. A table's row has the answers, `wait` is that for a state in none."""
    table = INSTANCE_STATES if is_instance(compute) else CLUSTER_STATES
    return table.get(state_of(compute), _IN_FLIGHT)[wanted]


def beyond_repair(compute: Mapping[str, Any] | None) -> bool:
    """Whether only deleting it and creating it anew would help; then no job runs on it, either."""
    return step(compute, "running") == "recreate"
