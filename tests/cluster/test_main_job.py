"""The whole main job under act: mlops.yml trains, builds, pushes and deploys, and undoes what does not serve."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from azureml_emulator import lifecycle
from sandbox import paths
from sandbox.docker import DockerDaemon, ensure_docker, stop_docker
from sandbox.kubernetes import kubectl
from tests.secret_traces import in_text
from tests.workflows import main_job
from tests.workflows.caller import Azure, path_of_a_python
from tests.workflows.traces import Traces

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    state = tmp_path_factory.mktemp("emulator")
    settings = lifecycle.up(state)
    try:
        yield Azure(lifecycle.environment(settings))
    finally:
        lifecycle.down(state)


@pytest.fixture(scope="module")
def docker() -> Iterator[dict[str, str]]:
    was_running = DockerDaemon(paths.state() / "docker").runs()
    yield ensure_docker()
    if not was_running:
        stop_docker()


PASSWORD = f"a registry's pass+word/&{uuid.uuid4()}"
"""Not the same as any text in this repository, which is a workspace of the run."""


def keys_of(kubeconfig: Path) -> dict[str, str]:
    """What of a kubeconfig is secret."""
    user = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]
    found = {name: user.get(name, "") for name in ("client-key-data", "token", "password")}
    return {name: value for name, value in found.items() if value}


def assert_public(image: str, docker: dict[str, str], secrets: dict[str, str]) -> None:
    """No secret is in the image."""
    argv = ["docker", "save", image]
    content = subprocess.run(argv, env={**os.environ, **docker}, check=True, capture_output=True).stdout
    assert b'{"mode": "train"}' in content, "the model, in whose layer it can be searched"
    assert in_text(content, secrets) == []


def get(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return str(answer.read().decode())


def test_a_push_delivers_and_a_broken_image_is_undone(  # noqa: PLR0915, PLR0917 - fixtures, and a run of minutes
    tmp_path: Path, azure: Azure, docker: dict[str, str], cluster: Any, namespace: str, probe_app: Any
) -> None:
    repository = main_job.repository(tmp_path / "animals")
    manifests = Path(__file__).parent / "manifests"
    main_job.serve(repository, probe_app.binary, manifests)
    settings: dict[str, Any] = {
        "variables": {
            "IMAGE": f"{probe_app.registry}/probe-app",
            "REGISTRY": probe_app.registry,
            "K8S_MANIFESTS": "k8s/overlays/test",
            "K8S_NAMESPACE": namespace,
            "GATE_CHAMPION": "deployed",
        },
        "secrets": {
            "KUBE_CONFIG": cluster.kubeconfig.read_text(),
            "REGISTRY_USERNAME": "robot",
            "REGISTRY_PASSWORD": PASSWORD,
        },
        "env": {**docker, "PATH": f"{kubectl().parent}{os.pathsep}{path_of_a_python()}"},
    }
    secrets = {
        "client secret": azure.emulator["AZURE_CLIENT_SECRET"],
        "password": PASSWORD,
        **keys_of(cluster.kubeconfig),
    }
    traces = Traces(
        secrets, tmp_path / "run", frozenset({"pipeline", "gate", "model", "image", "deployment"}), "deployment"
    )
    files: dict[str, Any] = {"run_folder": traces.folder, "on_step": traces.on_step}
    with traces.watched(), main_job.start(repository, azure, event="push", run_id="1", **files, **settings) as running:
        pushed = running.wait(400)

    assert pushed.succeeded, pushed.log
    traces.assert_none(pushed, programs=frozenset({"uv", "mlops", "docker", "kubectl"}))
    assert_public(pushed.job("build").step("image").outputs["image"], docker, secrets)
    trained = pushed.job("train").step("pipeline").outputs
    image = pushed.job("build").step("image").outputs
    deployed = pushed.job("deploy").step("deployment").outputs
    assert deployed["rolled-back"] == "false"
    assert get(deployed["url"]) == trained["model-version"]
    deployment = cluster.get("deployment", "probe-app", "--namespace", namespace)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == image["ref"]
    noted = deployment["metadata"]["annotations"]
    assert noted["mlops-actions/job"] == trained["job-name"]
    assert noted["mlops-actions/model-version"] == trained["model-version"]

    gated = pushed.job("gate").step("gate").outputs
    assert (gated["verdict"], gated["champion-version"]) == ("accepted", "")
    assert "there is no Deployment probe-app" in gated["reasons"]
    with azure.client() as client:
        tags = client.models.get(trained["model-name"], trained["model-version"]).tags
    assert (tags["gate-verdict"], tags["job"]) == ("accepted", trained["job-name"])

    # What the gate refuses does not get as far as an image, also where that is no failure.
    workflow = repository / ".github" / "workflows" / "mlops.yml"
    workflow.write_text(
        workflow.read_text().replace("compare: accuracy\n", "compare: accuracy\n      on-refusal: neutral\n")
    )
    inputs = {"train": "false", "model-version": trained["model-version"]}
    strict = {**settings, "variables": {**settings["variables"], "GATE_REQUIRE": "accuracy >= 0.9"}}
    with main_job.start(repository, azure, inputs=inputs, run_id="2", **strict) as running:
        refused = running.wait(200)
    assert refused.succeeded, refused.log
    gated = refused.job("gate").step("gate").outputs
    assert (gated["verdict"], gated["champion-version"]) == ("refused", trained["model-version"])
    warnings = [one.message for one in refused.annotations if one.level == "warning"]
    assert any("is refused: accuracy >= 0.9 is not met" in message for message in warnings), warnings
    assert not refused.ran("fetch")
    assert not refused.ran("deploy")

    main_job.serve(repository, probe_app.binary, manifests, fault="crash")
    with main_job.start(repository, azure, inputs=inputs, run_id="3", **settings) as running:
        broken = running.wait(400)

    assert not broken.succeeded
    gated = broken.job("gate").step("gate").outputs
    assert (gated["verdict"], gated["champion-version"]) == ("accepted", trained["model-version"]), (
        "the champion itself"
    )
    assert broken.job("build").result == "success", broken.log
    assert broken.job("deploy").step("deployment").outcome == "failure"
    assert broken.job("deploy").step("deployment").outputs["rolled-back"] == "true"
    assert get(deployed["url"]) == trained["model-version"]
    assert json.dumps(image["ref"]) in cluster.kubectl(
        "get", "deployment", "probe-app", "--namespace", namespace, "--output", "json"
    )
