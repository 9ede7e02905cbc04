"""A workspace with a running compute and an environment that needs no package, so that jobs start at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from azure.ai.ml import MLClient, load_job
from azure.ai.ml.entities import AmlCompute, ComputeInstance, Environment, Job
from azure.ai.ml.operations._run_history_constants import RunHistoryConstants
from azure.core.exceptions import ResourceNotFoundError

COMPUTE = "jobs-machine"
CLUSTER = "jobs-cluster"
ENVIRONMENT = "plain-python"
REGISTER = "azureml://registries/azureml/components/register_model/versions/0.0.21"
TERMINAL = {"Completed", "Failed", "Canceled"}

Submit = Callable[..., Job]


@pytest.fixture
def client(ml_client: MLClient, monkeypatch: pytest.MonkeyPatch) -> MLClient:
    """The SDK's client, made to look every second how a streamed job is doing."""
    monkeypatch.setattr(RunHistoryConstants, "_WAIT_COMPLETION_POLLING_INTERVAL_MIN", 1)
    monkeypatch.setattr(RunHistoryConstants, "_WAIT_COMPLETION_POLLING_INTERVAL_MAX", 1)
    return workspace(ml_client)


def workspace(client: MLClient) -> MLClient:
    """Bring the workspace to what the jobs here need: a running compute instance and an environment."""
    try:
        if client.compute.get(COMPUTE).state == "Stopped":
            client.compute.begin_start(COMPUTE).result()
    except ResourceNotFoundError:
        client.compute.begin_create_or_update(ComputeInstance(name=COMPUTE, size="Standard_DS3_v2")).result()
    client.compute.begin_create_or_update(AmlCompute(name=CLUSTER, size="Standard_DS3_v2", max_instances=4)).result()
    conda = {"name": "plain", "dependencies": ["python=3.11"]}
    client.environments.create_or_update(
        Environment(name=ENVIRONMENT, version="1", image="debian:12", conda_file=conda)
    )
    return client


@pytest.fixture
def submit(client: MLClient, tmp_path: Path) -> Submit:
    """Writes a pipeline's YAML, with its nodes' scripts and components beside it, and submits it."""

    def submit(
        jobs: dict[str, object],
        *,
        scripts: dict[str, str] | None = None,
        components: dict[str, object] | None = None,
        compute: str = COMPUTE,
        **fields: object,
    ) -> Job:
        source = tmp_path / uuid.uuid4().hex
        (source / "code").mkdir(parents=True)
        for name, text in (scripts or {}).items():
            (source / "code" / name).write_text(text)
        for name, component in (components or {}).items():
            (source / f"{name}.yaml").write_text(yaml.safe_dump(component))
        pipeline = {
            "$schema": "https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json",
            "type": "pipeline",
            "experiment_name": "tests",
            # Run anew: tests share a workspace, and would be answered from each other's runs.
            "settings": {"default_compute": f"azureml:{compute}", "force_rerun": True},
            "jobs": jobs,
            **fields,
        }
        file = source / "pipeline.yaml"
        file.write_text(yaml.safe_dump(pipeline))
        return client.jobs.create_or_update(load_job(file))

    return submit


def node(command: str, *, code: bool = False, environment: str = ENVIRONMENT, **fields: object) -> dict[str, object]:
    """A command node of a pipeline's YAML."""
    packed = {"code": "code"} if code else {}
    return {"type": "command", "command": command, "environment": f"azureml:{environment}@latest", **packed, **fields}


def component(command: str, **fields: object) -> dict[str, object]:
    """A component's YAML."""
    return {"type": "command", "command": command, "environment": f"azureml:{ENVIRONMENT}@latest", **fields}


def until(what: str, ready: Callable[[], bool], *, seconds: float = 90) -> None:
    """Wait for a state."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"gave up waiting for {what}"
        time.sleep(0.1)


def ended(client: MLClient, name: str, *, seconds: float = 120) -> object:
    """Wait until the job has ended; the answer is its status (the SDK's enumeration, equal to a string)."""
    until(f"the end of {name}", lambda: client.jobs.get(name).status in TERMINAL, seconds=seconds)
    return client.jobs.get(name).status


def failure(client: MLClient, name: str) -> str:
    """The error's message in the run's details, as `jobs.stream` shows it."""
    return str(client.jobs._runs_operations.get_run_details(name).error.error.message)


def children(client: MLClient, name: str) -> dict[str, Job]:
    """The runs of a pipeline's nodes, by the nodes' names."""
    return {str(child.display_name): child for child in client.jobs.list(parent_job_name=name)}
