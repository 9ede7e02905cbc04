"""`mlops run deploy`: what deploy.yml does, with its inputs as flags, in one folder instead of on several runners."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.stages.running import FROM_THE_BEGINNING, Progress, run
from mlops_actions.stages.steps import Inputs, Outputs, Stage, Step

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


def _build_args(inputs: Inputs, outputs: Outputs) -> dict[str, str]:
    names = {"job": "AZUREML_JOB", "name": "MODEL_NAME", "version": "MODEL_VERSION"}
    model = {names[name]: value for name, value in _model(inputs, outputs).items()}
    base = {"BASE_IMAGE": inputs["base_image"]} if inputs["base_image"] else {}
    source = {"GIT_COMMIT": commit()} if commit() else {}
    return {**base, **source, **model, **(inputs["build_args"] or {})}


def _labels(inputs: Inputs, outputs: Outputs) -> dict[str, str]:
    names = {"job": "azureml.job", "name": "azureml.model.name", "version": "azureml.model.version"}
    model = {names[name]: value for name, value in _model(inputs, outputs).items()}
    # On a runner build-image knows it by itself.
    return {**({"org.opencontainers.image.revision": commit()} if commit() else {}), **model}


def _annotations(inputs: Inputs, outputs: Outputs) -> dict[str, str]:
    names = {"job": "job", "name": "model-name", "version": "model-version"}
    model = {f"mlops-actions/{names[name]}": value for name, value in _model(inputs, outputs).items()}
    return {**({"mlops-actions/commit": commit()} if commit() else {}), **model}


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


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
                **_same("require", "champion", "compare", "margin", "higher_is_better", "evaluation", "test_data"),
                **_same("manifests", "namespace", "deployment", "on_refusal"),
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
            {"context": "inference", "network": "build_network", **_same("image", "registry")},
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
                **_same("manifests", "namespace", "deployment", "smoke_path", "smoke_file", "timeout_minutes"),
            },
            made={"image": lambda _, outputs: outputs.get("build", {}).get("ref"), "annotations": _annotations},
            unless=_refusal,
        ),
    ),
    outputs="deploy",
    required=("model_name", "model_version", "image", "manifests"),
)


def deploy(
    *,
    model_name: str | None = None,
    model_version: str | None = None,
    job_name: str | None = None,
    inference: Path = Path("inference"),
    dockerfile: str = "Dockerfile",
    image: str | None = None,
    tags: tuple[str, ...] = (),
    registry: str | None = None,
    base_image: str | None = None,
    build_args: Mapping[str, str] | None = None,
    build_network: str | None = None,
    manifests: Path | None = None,
    namespace: str | None = None,
    deployment: str | None = None,
    kube_context: str | None = None,
    smoke_path: str | None = None,
    smoke_file: Path | None = None,
    require: tuple[str, ...] = (),
    champion: str | None = None,
    compare: str | None = None,
    margin: float = 0,
    higher_is_better: bool = True,
    evaluation: Path | None = None,
    test_data: str | None = None,
    evaluation_compute_file: Path | None = None,
    evaluation_compute: str | None = None,
    on_refusal: Literal["fail", "neutral"] = "fail",
    timeout_minutes: float = 10,
    progress: Progress = FROM_THE_BEGINNING,
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> int:
    """Do what deploy.yml does, step by step, and go on from any of them: gate, fetch, build, deploy.

    Args:
        model_name: name of the registered model
        model_version: version of the model, or latest
        job_name: Azure ML job that the model is from, noted on image and Deployment; by default the one in its tag
        inference: folder of the inference code with its Dockerfile; the model is put into its folder `model`
        dockerfile: Dockerfile, relative to that folder
        image: name of the image with its registry and without a tag
        tags: tags of the image, one a line; laptop if there are none
        registry: registry to log in and push to, if the image's name does not begin with it
        base_image: image to build on instead of the Dockerfile's own; it becomes the build argument BASE_IMAGE
        build_args: further build arguments, key=value a line
        build_network: network of the build's RUN steps: default, host or none
        manifests: folder of the kustomize base or overlay to deploy
        namespace: namespace to deploy to instead of the one that the manifests name
        deployment: name of the Deployment that takes the image, if the manifests have several
        kube_context: context of the kubeconfig to use instead of its current one
        smoke_path: path of the service to send a smoke request to; without it none is sent
        smoke_file: file to send in the smoke request
        require: what the model's metrics have to be before it is deployed, a comparison a line such as accuracy >= 0.8.
            Without this and champion there is no gate
        champion: model to beat before it is deployed, a version of the same name, or deployed for the one that serves
            now
        compare: metric that the two are compared by
        margin: how much better than the champion's it has to be; below 0, how much worse it may be
        higher_is_better: whether a higher value of that metric is the better one
        evaluation: pipeline YAML that measures both models on the same data; without it, what their trainings recorded
            counts
        test_data: the model's test data for the evaluation, as <node>/<output> of the job that it is from
        evaluation_compute_file: YAML of the compute that the evaluation runs on; it is started for it, and stopped
            after it
        evaluation_compute: name of the compute to run the evaluation on, instead of those that the YAMLs name; the same
            goes for it
        on_refusal: how a refusal ends, fail or neutral; with the latter nothing is deployed either, and the run is
            green
        timeout_minutes: how long the new revision may take to get ready
        progress: where to begin
        sign_in: where the workspace is and how to sign in

    """
    given = dict(locals())  # before anything else is called so: the inputs by their names
    del given["progress"], given["sign_in"]
    return run(DEPLOY, deploy, given, progress, sign_in)
