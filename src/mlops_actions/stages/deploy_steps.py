"""The steps of deploy.yml, done in one folder instead of on several runners."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from mlops_actions.kube.deployed import JOB, MODEL_NAME, MODEL_VERSION
from mlops_actions.stages.steps import Inputs, Outputs, Stage, Step, same

_LAPTOPS_TAG = "laptop"
_COMPUTE = ("evaluation_compute_file", "evaluation_compute")


def commit() -> str:
    """The commit that is checked out, with -dirty if the files differ from it; empty if there is none."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--match="]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def _refusal(outputs: Outputs) -> str:
    verdict = outputs.get("gate", {}).get("verdict", "accepted")
    return "" if verdict == "accepted" else f"the gate has {verdict} the model"


def _nothing_measured(outputs: Outputs) -> str:
    gate = outputs.get("gate", {})
    return "the gate had nothing measured" if gate.get("verdict") and not gate.get("evaluation-job") else ""


def _model(inputs: Inputs, outputs: Outputs) -> dict[str, str]:
    """Job, name and version of the model that was fetched."""
    fetched = outputs.get("fetch", {})
    job = inputs["job_name"] or fetched.get("job-name")
    known = {"job": job, "name": fetched.get("name"), "version": fetched.get("version")}
    return {name: value for name, value in known.items() if value}


def _commit_as(name: str) -> dict[str, str]:
    found = commit()
    return {name: found} if found else {}


def _build_args(inputs: Inputs, outputs: Outputs) -> dict[str, str]:
    names = {"job": "AZUREML_JOB", "name": "MODEL_NAME", "version": "MODEL_VERSION"}
    model = {names[name]: value for name, value in _model(inputs, outputs).items()}
    base = {"BASE_IMAGE": inputs["base_image"]} if inputs["base_image"] else {}
    return {**base, **_commit_as("GIT_COMMIT"), **model, **(inputs["build_args"] or {})}


def _labels(inputs: Inputs, outputs: Outputs) -> dict[str, str]:
    names = {"job": "azureml.job", "name": "azureml.model.name", "version": "azureml.model.version"}
    model = {names[name]: value for name, value in _model(inputs, outputs).items()}
    # On a runner build-image knows it by itself.
    return {**_commit_as("org.opencontainers.image.revision"), **model}


def _annotations(inputs: Inputs, outputs: Outputs) -> dict[str, str]:
    names = {"job": JOB, "name": MODEL_NAME, "version": MODEL_VERSION}
    model = {names[name]: value for name, value in _model(inputs, outputs).items()}
    return {**_commit_as("mlops-actions/commit"), **model}


# The steps of .github/workflows/deploy.yml; a test holds them against it.
DEPLOY = Stage(
    "deploy",
    (
        Step(
            "gate",
            "Hold the model at the gate",
            "gate-model",
            {
                "name": "model_name",
                "version": "model_version",
                "compute_file": "evaluation_compute_file",
                "compute": "evaluation_compute",
                "context": "kube_context",
                **same("require", "champion", "compare", "margin", "higher_is_better", "evaluation", "test_data"),
                **same("manifests", "namespace", "deployment", "on_refusal"),
            },
            when=("require", "champion"),
        ),
        Step(
            "stop",
            "Stop the compute",
            "ensure-compute",
            {"file": "evaluation_compute_file", "name": "evaluation_compute"},
            fixed={"state": "stopped"},
            when=_COMPUTE,
            cleans_up="gate",
            unless=_nothing_measured,
        ),
        Step(
            "fetch",
            "Fetch the model",
            "fetch-model",
            made={
                "name": lambda inputs, outputs: outputs.get("gate", {}).get("name") or inputs["model_name"],
                "version": lambda inputs, outputs: outputs.get("gate", {}).get("version") or inputs["model_version"],
                "path": lambda inputs, _: Path(inputs["inference"]) / "model",
            },
            unless=_refusal,
        ),
        Step(
            "build",
            "Build and push the image",
            "build-image",
            {"context": "inference", "network": "build_network", **same("image", "registry")},
            made={
                "file": lambda inputs, _: Path(inputs["inference"]) / inputs["dockerfile"],
                "tags": lambda inputs, _: inputs["tags"] or (_LAPTOPS_TAG,),
                "username": lambda *_: os.environ.get("REGISTRY_USERNAME"),
                "password": lambda *_: os.environ.get("REGISTRY_PASSWORD"),
                "build_args": _build_args,
                "labels": _labels,
            },
            unless=_refusal,
        ),
        Step(
            "deploy",
            "Deploy to Kubernetes",
            "kube-deploy",
            {
                "context": "kube_context",
                **same("manifests", "namespace", "deployment", "smoke_path", "smoke_file", "timeout_minutes"),
            },
            made={"image": lambda _, outputs: outputs.get("build", {}).get("ref"), "annotations": _annotations},
            unless=_refusal,
        ),
    ),
    outputs="deploy",
    required=("model_name", "model_version", "image", "manifests"),
)
