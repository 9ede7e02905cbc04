"""`mlops run deploy` on a laptop: a model from the emulator, a real build, a real registry and a real cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Model

from sandbox import paths
from sandbox.docker import DockerDaemon, ensure_docker, stop_docker
from tests.integration.conftest import Emulator, emulator, emulator_environment, ml_client
from tests.workflows import main_job

__all__ = ["emulator", "emulator_environment", "ml_client"]

pytestmark = pytest.mark.timeout(300)

COMMAND = [sys.executable, "-c", "from mlops_actions.cli import main; main()", "run", "deploy"]


@pytest.fixture(scope="module")
def docker() -> Iterator[dict[str, str]]:
    was_running = DockerDaemon(paths.state() / "docker").runs()
    yield ensure_docker()
    if not was_running:
        stop_docker()


@pytest.fixture
def model(ml_client: MLClient, tmp_path: Path) -> str:
    name = f"model-{uuid.uuid4().hex[:8]}"
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.bin").write_text("weights")
    ml_client.models.create_or_update(Model(name=name, path=str(tmp_path / "weights"), type="custom_model"))
    return name


def test_a_build_that_fails_is_mended_and_gone_on_from(  # noqa: PLR0917 - fixtures
    emulator: Emulator, model: str, docker: dict[str, str], cluster: Any, namespace: str, probe_app: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    (folder / "inference").mkdir(parents=True)
    main_job.serve(folder, probe_app.binary, Path(__file__).parent / "manifests")
    dockerfile = folder / "inference" / "Dockerfile"
    good = dockerfile.read_text()
    dockerfile.write_text(good.replace("app.tar", "nothing.tar"))
    environment = {**os.environ, **emulator.environment, **docker, "KUBECONFIG": str(cluster.kubeconfig)}
    environment = {name: value for name, value in environment.items() if not name.startswith(("GITHUB_", "RUNNER_"))}

    def deploy(*flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *flags], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200
        )

    image = f"{probe_app.registry}/probe-app"
    failed = deploy(
        f"--model-name={model}",
        "--model-version=latest",
        f"--image={image}",
        "--manifests=k8s/overlays/test",
        f"--namespace={namespace}",
        "--smoke-path=/healthz",
        f"--tags={namespace}",
    )
    assert failed.returncode == 1
    assert "Dockerfile" in failed.stderr
    assert failed.stdout.splitlines()[-1] == "mlops run deploy --resume goes on from there"
    assert (folder / "inference" / "model" / "model.bin").read_text() == "weights"

    dockerfile.write_text(good)
    done = deploy("--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "== 3/5 Fetch the model: done before: " in done.stdout
    assert json.loads(done.stdout[done.stdout.rindex("\n{") :])["rolled-back"] == "false"
    noted = cluster.get("deployment", "probe-app", "-n", namespace)["metadata"]["annotations"]
    assert (noted["mlops-actions/model-name"], noted["mlops-actions/model-version"]) == (model, "1")
    (container,) = cluster.get("deployment", "probe-app", "-n", namespace)["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith(f"{image}@sha256:")
