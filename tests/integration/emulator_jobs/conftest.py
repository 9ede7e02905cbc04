"""A workspace with a running compute and an environment that needs no package, so that jobs start at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from azure.ai.ml import MLClient, load_job
from azure.ai.ml.entities import ComputeInstance, Environment, Job
from azure.core.exceptions import ResourceNotFoundError

COMPUTE = "jobs-machine"
ENVIRONMENT = "plain-python"
TERMINAL = {"Completed", "Failed", "Canceled"}

Submit = Callable[..., Job]


@pytest.fixture
def client(ml_client: MLClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[MLClient]:
    from azure.ai.ml.operations._run_history_constants import RunHistoryConstants

    monkeypatch.setattr(RunHistoryConstants, "_WAIT_COMPLETION_POLLING_INTERVAL_MIN", 1)
    monkeypatch.setattr(RunHistoryConstants, "_WAIT_COMPLETION_POLLING_INTERVAL_MAX", 1)
    try:
        if ml_client.compute.get(COMPUTE).state == "Stopped":
            ml_client.compute.begin_start(COMPUTE).result()
    except ResourceNotFoundError:
        ml_client.compute.begin_create_or_update(ComputeInstance(name=COMPUTE, size="Standard_DS3_v2")).result()
    conda = {"name": "plain", "dependencies": ["python=3.11"]}
    environment = Environment(name=ENVIRONMENT, version="1", image="debian:12", conda_file=conda)
    ml_client.environments.create_or_update(environment)
    return ml_client


@pytest.fixture
def submit(client: MLClient, tmp_path: Path) -> Submit:
    """Writes a pipeline's YAML with its nodes' scripts beside it, and submits it."""

    def submit(jobs: dict[str, object], *, scripts: dict[str, str] | None = None, **fields: object) -> Job:
        source = tmp_path / uuid.uuid4().hex
        (source / "code").mkdir(parents=True)
        for name, text in (scripts or {}).items():
            (source / "code" / name).write_text(text)
        pipeline = {
            "$schema": "https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json",
            "type": "pipeline",
            "experiment_name": "tests",
            "settings": {"default_compute": f"azureml:{COMPUTE}"},
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
