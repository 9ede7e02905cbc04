"""`mlops run deploy`: what deploy.yml does, with its inputs as flags."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.stages.deploy_steps import DEPLOY
from mlops_actions.stages.progress import FROM_THE_BEGINNING, Progress
from mlops_actions.stages.running import run


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
