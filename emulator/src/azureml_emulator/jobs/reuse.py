"""Reuse of finished nodes: a deterministic component on the same inputs and code is answered from a former run.

https://learn.microsoft.com/azure/machine-learning/how-to-debug-pipeline-reuse: the component, its code, environment and
inputs decide; a job can ask for everything to be run anew (`force_rerun`). As in Azure, a URI counts as the same input
whatever has become of the files there, unless another run has written them anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..context import Context
from ..store import Value as Run
from . import runs
from .assignment import Assignment, Files, Value
from .definition.specification import Literal
from .environment import resolve
from .files import modes
from .services import Services

KIND = "reusable runs"


def key(services: Services, assignment: Assignment) -> str | None:
    """What two runs have in common if the second is to be answered from the first; None for what is always run.

    Sweeps and pipelines are not reused as such: their trials and nodes decide for themselves.
    """
    node = assignment.node
    if node.graph is not None or node.sweep is not None or not node.component.deterministic:
        return None
    if any(isinstance(value, Files) and _is_written(value) for value in assignment.inputs.values()):
        return None
    decisive = {
        "work": _work(services.context, assignment),
        "inputs": {name: _input(services, value) for name, value in sorted(assignment.inputs.items())},
        "outputs": {name: [target.type, target.uri] for name, target in sorted(node.outputs.items())},
        "variables": dict(sorted(node.variables.items())),
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()


def _work(context: Context, assignment: Assignment) -> Mapping[str, Any]:
    work = assignment.node.component.program
    if work is None:
        return {"component": assignment.node.component.id}
    # Not by its name: an inline environment is registered anew each time, under a name of its own; and what a label
    # like `latest` or a catalogue stands for changes.
    environment = asdict(resolve.find(context, str(work.environment))) | {"name": None, "version": None}
    return {"kind": type(work).__name__, **asdict(work), "environment": environment}


def _is_written(value: Files) -> bool:
    """Whether the run changes its input, which is an effect that its outputs do not tell of."""
    return modes.of_input(value.mode, "an input") is modes.Mode.READ_WRITE_MOUNT


def _input(services: Services, value: Value) -> list[str | None]:
    if isinstance(value, Literal):
        return ["value", value.value]
    return ["files", value.uri.rstrip("/"), value.type, value.mode, services.runs.writer(value.uri)]


def find(services: Services, key: str) -> Run | None:
    """The run that has completed with this key and still has its outputs, or None."""
    known = services.context.store.get(KIND, key)
    run = services.runs.get(known["run"]) if known else None
    if run is None or run["status"] != runs.COMPLETED or run["hidden"]:
        return None
    # At a place of their own choice, outputs are written over by later runs.
    kept = all(services.runs.writer(output["uri"]) in {None, run["name"]} for output in run["outputs"].values())
    return run if kept else None


def remember(services: Services, run: str, key: str) -> None:
    """Note that this run, which has completed, answers for the key from now on."""
    services.context.store.put(KIND, key, {"run": run})


def take_over(services: Services, assignment: Assignment, former: Run) -> None:
    """Complete the run with the outputs of the former one, and say in its properties that it is reused."""
    run = assignment.run
    fields = services.runs.get(run) or {"properties": {}}
    services.runs.update(
        run,
        properties={
            **fields["properties"],
            "azureml.isreused": "true",
            "azureml.reusedrunid": former["name"],
            "azureml.reusednodeid": former["properties"].get("azureml.nodeName", ""),
            "azureml.reusedpipelinerunid": former["parent"] or former["name"],
        },
    )
    for name, output in former["outputs"].items():
        services.runs.add_output(run, name, uri=output["uri"], kind=output["type"])
    services.runs.move(run, runs.RUNNING)
    services.runs.move(run, runs.COMPLETED)
    services.tracking.end_run(assignment.mlflow, runs.COMPLETED)
    services.runs.update(run, told=True)
