"""What the states of jobs and computes look like: a tone, which stands for a colour and a shape, beside the word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..jobs import runs

_TONES = {
    runs.COMPLETED: "good",
    runs.FAILED: "bad",
    runs.CANCELED: "off",
    runs.CANCEL_REQUESTED: "wait",
    runs.RUNNING: "run",
    runs.FINALIZING: "run",
    runs.STARTING: "wait",
    runs.PREPARING: "wait",
    runs.PROVISIONING: "wait",
    runs.QUEUED: "wait",
    runs.NOT_STARTED: "none",
    # Computes.
    "Succeeded": "good",
    "Running compute": "good",
    "Stopped": "off",
    "Creating": "wait",
    "Deleting": "wait",
    "Stopping": "wait",
    "Restarting": "wait",
    "Resizing": "wait",
    "Unusable": "bad",
    "CreateFailed": "bad",
    # The page's own.
    "Reused": "reused",
    "Not run": "none",
}
_NAMES = {
    runs.NOT_STARTED: "Not started",
    runs.CANCEL_REQUESTED: "Cancel requested",
    "Running compute": "Running",
    "CreateFailed": "Create failed",
}
_KINDS = {
    "azureml.pipelinerun": "pipeline",
    "azureml.steprun": "node",
    "azureml.scriptrun": "command",
    "hyperdrive": "sweep",
    "azureml.hyperdrive": "sweep",
    "mlflow": "MLflow run",
}


def tone(status: str) -> str:
    """The tone of a state: good, bad, off, run, wait, reused or none."""
    return _TONES.get(status, "none")


def called(status: str) -> str:
    """The state in words."""
    return _NAMES.get(status, status)


def kind(run: Mapping[str, Any]) -> str:
    """What a run is, by the type that run history gives it; a sweep says so itself."""
    if run["properties"].get("runTemplate") == "HyperDrive":
        return "sweep"
    if run["properties"].get("StepType") == "SubGraphCloudStep":
        return "pipeline"
    return _KINDS.get(str(run["kind"]).lower(), str(run["kind"]))


def shown(run: Mapping[str, Any]) -> str:
    """The state that a run is shown in: its status, or that its result is a former run's."""
    reused = str(run["properties"].get("azureml.isreused", "")).lower() == "true"
    return "Reused" if reused and run["status"] == runs.COMPLETED else str(run["status"])


def title(run: Mapping[str, Any]) -> str:
    """What a run is called: its display name, unless that is a trial's, which is its sweep's name and a number."""
    shown, sweep = str(run["display_name"]), f"{run['parent']}_"
    return f"trial {shown.removeprefix(sweep)}" if shown.startswith(sweep) else shown


def ended(run: Mapping[str, Any]) -> bool:
    """Whether nothing about the run will change any more."""
    return run["status"] in runs.TERMINAL
