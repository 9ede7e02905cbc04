"""What is trained for the benchmark of the actions, the steps that do it, and the same steps once all is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHA = "0be7" * 10
_COMPUTE, _ENVIRONMENT, _COMPONENT, _DATA, _MODEL = (
    "bench-machine",
    "bench",
    "bench_train",
    "bench-words",
    "bench-model",
)
_REGISTER = "azureml://registries/azureml/components/register_model/versions/0.0.21"
_MODEL_BYTES = 10_000_000

_SCRIPT = f'''
"""Writes a model of random weights."""
import os, pathlib, sys
(pathlib.Path(sys.argv[1]) / "model.bin").write_bytes(os.urandom({_MODEL_BYTES}))
'''


@dataclass(frozen=True)
class Step:
    """A step: the command of its action, its inputs, and what its outputs say if it had something to do."""

    title: str
    command: str
    inputs: dict[str, str]
    undone: Callable[[dict[str, str]], str] = lambda _: ""
    is_quick: bool = False


def _changed(outputs: dict[str, str]) -> str:
    return "" if outputs["changed"] == "false" else "something was changed"


def _completed(outputs: dict[str, str]) -> str:
    return "" if outputs["status"] == "Completed" and outputs["model-name"] == _MODEL else f"it is {outputs}"


_ASSETS = {"environments": "environment.yaml", "components": "component.yaml", "data": "data.yaml"}
_STARTED = {"file": "compute.yaml", "state": "running"}
_RUN = {"file": "pipeline.yaml", "retries": "2"}
_FETCHED = {"name": _MODEL, "version": "latest", "path": "model"}

STEPS = (
    Step("", "register-assets", _ASSETS),
    Step("", "ensure-compute", _STARTED),
    Step("", "run-aml-pipeline", _RUN),
    Step("", "fetch-model", _FETCHED),
)
"""They make what there is."""

STOP = Step("", "ensure-compute", {"file": "compute.yaml", "state": "stopped"})
BEFORE_THE_JOB = STEPS[:2]

NO_OPS = {
    "ensure_compute": Step(
        "ensure-compute, running already", "ensure-compute", _STARTED, undone=_changed, is_quick=True
    ),
    "fetch_model": Step("fetch-model, a model of 10 MB that is there already", "fetch-model", _FETCHED, is_quick=True),
    "register_assets": Step(
        "register-assets, three assets that have not changed", "register-assets", _ASSETS, undone=_changed
    ),
    "run_aml_pipeline": Step("run-aml-pipeline, a job that has completed", "run-aml-pipeline", _RUN, undone=_completed),
}
"""They find that there is nothing to do."""


def write(folder: Path) -> Path:
    """Write the repository, and answer where it is."""
    documents: dict[str, dict[str, Any]] = {
        "compute.yaml": {"name": _COMPUTE, "type": "computeinstance", "size": "Standard_DS3_v2"},
        "environment.yaml": {
            "name": _ENVIRONMENT,
            "version": "1",
            "image": "debian:12",
            "conda_file": {"name": "plain", "dependencies": ["python=3.11"]},
        },
        "component.yaml": {
            "type": "command",
            "name": _COMPONENT,
            "version": "1",
            "outputs": {"model": {"type": "uri_folder"}},
            "environment": f"azureml:{_ENVIRONMENT}@latest",
            "code": "code",
            "command": "python train.py ${{outputs.model}}",
        },
        "data.yaml": {"name": _DATA, "version": "1", "type": "uri_folder", "path": "words"},
        "pipeline.yaml": _pipeline(),
    }
    for name in ("code", "words"):
        (folder / name).mkdir(parents=True)
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=2))  # JSON is YAML
    (folder / "code" / "train.py").write_text(_SCRIPT)
    (folder / "words" / "words.txt").write_text("some words\n")
    return folder


def _pipeline() -> dict[str, Any]:
    register = {
        "type": "command",
        "component": _REGISTER,
        "inputs": {
            "model_name": _MODEL,
            "model_type": "custom_model",
            "model_path": "${{parent.jobs.train.outputs.model}}",
        },
        "outputs": {"registration_details_folder": "${{parent.outputs.details}}"},
    }
    return {
        "type": "pipeline",
        "experiment_name": "bench",
        "settings": {"default_compute": f"azureml:{_COMPUTE}"},
        "outputs": {"details": {"type": "uri_folder", "mode": "upload"}},
        "jobs": {"train": {"type": "command", "component": f"azureml:{_COMPONENT}@latest"}, "register": register},
    }
