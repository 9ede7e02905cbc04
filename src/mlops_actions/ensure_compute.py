"""Brings a compute instance or cluster to a state: looks first, acts only where it must, waits until it is there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops_actions import azure, definitions
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.errors import ActionError
from mlops_actions.github import summarize, table_cell
from mlops_actions.sdk_errors import in_definition, reason

ComputeState = Literal["running", "stopped", "deleted"]

_SUMMARY = Path(__file__).parents[2] / "actions" / "ensure-compute" / "summary.md"
_MISSING = "Missing"
_CONFLICT = 409
_POLL_SECONDS = (0.5, 15.0)

_Step = Literal["done", "wait", "create", "start", "stop", "delete"]

# States of an instance: https://learn.microsoft.com/rest/api/azureml/compute/get#computeinstancestate
_INSTANCE: dict[ComputeState, dict[str, _Step]] = {
    "running": {"Running": "done", "JobRunning": "done", "Stopped": "start", _MISSING: "create"},
    "stopped": {"Stopped": "done", "Running": "stop", "JobRunning": "stop", _MISSING: "done"},
    "deleted": {_MISSING: "done"},
}
_INSTANCE_IN_TRANSITION = {
    "Creating",
    "Starting",
    "Stopping",
    "Restarting",
    "Resizing",
    "Deleting",
    "SettingUp",
    "UserSettingUp",
    "SystemSettingUp",
    "Unknown",
}

# Provisioning states of a cluster: https://learn.microsoft.com/rest/api/azureml/compute/get#provisioningstate
_CLUSTER: dict[ComputeState, dict[str, _Step]] = {
    "running": {"Succeeded": "done", _MISSING: "create"},
    "stopped": {"Succeeded": "done", _MISSING: "done"},
    "deleted": {_MISSING: "done"},
}
_CLUSTER_IN_TRANSITION = {"Creating", "Updating", "Deleting", "Unknown"}


@dataclass(frozen=True)
class EnsuredCompute:
    """The compute and the state it was brought to, and whether anything had to be done for it."""

    name: str
    state: ComputeState
    changed: bool


def ensure_compute(
    *,
    file: Path | None = None,
    name: str | None = None,
    state: ComputeState = "running",
    timeout_minutes: float = 20,
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> EnsuredCompute:
    """Bring a compute instance or cluster to a state, creating it from its YAML if it is missing.

    Args:
        file: YAML of the compute, to create it from if it is missing
        name: name of the compute, if there is no file or another name is wanted
        state: state to bring it to, one of running, stopped, deleted; a cluster that exists counts as running
        timeout_minutes: how long that may take
        sign_in: where the workspace is and how to sign in

    """
    if timeout_minutes <= 0:
        raise ActionError("timeout-minutes must be more than 0")
    definition = definitions.read(file, "compute") if file else {}
    name = name or definition.get("name")
    if not name:
        missing = f"{file} has no name" if file else "neither file nor name is given"
        raise ActionError(f"{missing}: say which compute is meant", file=str(file) if file else None)
    workspace = azure.workspace(sign_in)
    bringing = _Bringing(workspace, name, state, file)
    first = bringing.until_done(timeout_minutes * 60)
    result = EnsuredCompute(name, state, bringing.changed)
    said = "done" if result.changed else "nothing had to be done"
    print(f"compute {name} is {state}: {said}", flush=True)  # noqa: T201 - progress is this command's output
    summarize(_SUMMARY, {"name": table_cell(name), "before": table_cell(first), "state": state, "said": said})
    return result


class _Bringing:
    """One compute on its way to a state."""

    def __init__(self, workspace: azure.Workspace, name: str, wanted: ComputeState, file: Path | None) -> None:
        self._workspace = workspace
        self._rest = azure.Rest(workspace)
        self._name = name
        self._wanted = wanted
        self._file = file
        self.changed = False
        self._refused = ""

    def until_done(self, seconds: float) -> str:
        """Act and wait until the compute is in the wanted state; the answer is the state it was found in."""
        deadline = time.monotonic() + seconds
        first = last = None
        for pause in _pauses():
            compute = self._look()
            current = _state(compute)
            if current != last:
                print(f"compute {self._name}: {current}", flush=True)  # noqa: T201
            first, last = first or current, current
            step = self._step(compute, current)
            if step == "done":
                return first
            if step != "wait":
                self._act(step)
            if time.monotonic() + pause > deadline:
                limit = f"{seconds / 60:g} minutes"
                refused = f" (the last {self._refused})" if self._refused else ""
                raise ActionError(f"compute {self._name} is {current} and not {self._wanted} after {limit}{refused}")
            time.sleep(pause)
        raise AssertionError("the pauses do not end")

    def _look(self) -> dict[str, Any] | None:
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

        try:
            return self._rest.get(f"computes/{self._name}")
        except AzureError as error:
            raise ActionError(f"the state of compute {self._name} cannot be read: {reason(error)}") from error

    def _step(self, compute: dict[str, Any] | None, current: str) -> _Step:
        cluster = compute is not None and compute["properties"]["computeType"] != "ComputeInstance"
        steps = (_CLUSTER if cluster else _INSTANCE)[self._wanted]
        if current == _MISSING and self._file is None and self._wanted != "deleted":
            text = f"compute {self._name} does not exist in workspace {self._workspace.name}"
            raise ActionError(f"{text}: give its YAML as file to create it" if self._wanted == "running" else text)
        if cluster and self._wanted == "stopped" and current == "Succeeded":
            _check_scales_to_zero(self._name, compute or {})
        if step := steps.get(current):
            return step
        if current in (_CLUSTER_IN_TRANSITION if cluster else _INSTANCE_IN_TRANSITION):
            return "wait"
        if self._wanted == "deleted":
            return "delete"
        text = f"compute {self._name} is {current}, from which it cannot become {self._wanted}"
        why = _provisioning_errors(compute or {})
        raise ActionError(f"{text}{f' ({why})' if why else ''}: delete it first (state: deleted)")

    def _act(self, step: _Step) -> None:
        from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415 - slow to import

        try:
            if step == "create":
                self._create()
            elif step == "delete":
                self._rest.delete(f"computes/{self._name}")
            else:
                self._rest.post(f"computes/{self._name}/{step}")
        except HttpResponseError as error:
            refused = f"{step} was refused: {reason(error)}"
            if error.status_code != _CONFLICT:
                raise ActionError(f"compute {self._name}: {refused}") from error
            # Somebody else got in between: the next look tells what became of it.
            self._refused = refused
            return
        except AzureError as error:
            raise ActionError(f"compute {self._name}: {step} failed: {reason(error)}") from error
        self.changed = True

    def _create(self) -> None:
        from azure.ai.ml import load_compute  # noqa: PLC0415 - slow to import
        from azure.ai.ml.exceptions import MlException  # noqa: PLC0415
        from marshmallow import ValidationError  # noqa: PLC0415

        if self._file is None:
            raise AssertionError("_step creates from a file alone")
        try:
            compute = load_compute(str(self._file), params_override=[{"name": self._name}])
            azure.ml_client(self._workspace).compute.begin_create_or_update(compute)
        except (MlException, ValidationError) as error:
            raise in_definition(error, self._file, "is not a compute definition") from error


def _pauses() -> Iterator[float]:
    pause, longest = _POLL_SECONDS
    while True:
        yield pause
        pause = min(pause * 1.5, longest)


def _state(compute: dict[str, Any] | None) -> str:
    """An instance's state, a cluster's provisioning state, or Missing."""
    if compute is None:
        return _MISSING
    properties = compute["properties"]
    state = (
        (properties.get("properties") or {}).get("state") if properties["computeType"] == "ComputeInstance" else None
    )
    return str(state or properties["provisioningState"])


def _provisioning_errors(compute: dict[str, Any]) -> str:
    """Why a compute could not be made, in one line, as far as it says so."""
    found = (compute.get("properties") or {}).get("provisioningErrors") or []
    messages = [str((entry.get("error") or entry).get("message") or "") for entry in found]
    return " ".join("; ".join(message for message in messages if message).split())


def _check_scales_to_zero(name: str, compute: dict[str, Any]) -> None:
    scale = (compute["properties"].get("properties") or {}).get("scaleSettings") or {}
    if nodes := scale.get("minNodeCount", 0):
        raise ActionError(f"cluster {name} keeps {nodes} nodes running: set min_instances: 0, then it stops by itself")
