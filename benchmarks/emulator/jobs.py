"""Pipelines whose nodes do nothing, so that what is measured is what the emulator adds."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import yaml
from azure.ai.ml import MLClient, load_job
from azure.ai.ml.entities import ComputeInstance, Environment
from azure.identity import ClientSecretCredential

from azureml_emulator import lifecycle
from azureml_emulator.settings import Settings

from ..report import BenchmarkError

Client = MLClient
_COMPUTE, _ENVIRONMENT = "bench-machine", "plain-python"
_POLL_SECONDS = 0.01
_GIVE_UP_SECONDS = 300


@dataclass(frozen=True)
class Timed:
    """One run of a pipeline: seconds of its submission, and from then on to its end."""

    submit_seconds: float
    run_seconds: float


@contextmanager
def workspace(settings: Settings) -> Iterator[Client]:
    """The unmodified SDK's client, with a running compute and an environment that needs no package."""
    with mock.patch.dict(os.environ, lifecycle.environment(settings)):
        client = MLClient(
            ClientSecretCredential(settings.tenant_id, settings.client_id, settings.client_secret),
            settings.subscription_id,
            settings.resource_group,
            settings.workspace,
            enable_telemetry=False,
            show_progress=False,
        )
        client.compute.begin_create_or_update(ComputeInstance(name=_COMPUTE, size="Standard_DS3_v2")).result()
        conda = {"name": "plain", "dependencies": ["python=3.11"]}
        client.environments.create_or_update(
            Environment(name=_ENVIRONMENT, version="1", image="debian:12", conda_file=conda)
        )
        yield client


def chain(folder: Path, *, nodes: int) -> Path:
    """The YAML of a pipeline whose nodes read each other's (empty) output, one after the other."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "nothing.py").write_text("pass\n")
    jobs: dict[str, object] = {}
    for number in range(nodes):
        node: dict[str, object] = {
            "type": "command",
            "command": "true",
            "code": "code",
            "environment": f"azureml:{_ENVIRONMENT}@latest",
            "outputs": {"out": {"type": "uri_folder"}},
        }
        if number:
            source = f"${{{{parent.jobs.n{number - 1}.outputs.out}}}}"
            node |= {"command": "true ${{inputs.before}}", "inputs": {"before": {"type": "uri_folder", "path": source}}}
        jobs[f"n{number}"] = node
    settings = {"default_compute": f"azureml:{_COMPUTE}", "force_rerun": True}
    file = folder / "pipeline.yaml"
    file.write_text(yaml.safe_dump({"type": "pipeline", "experiment_name": "b", "settings": settings, "jobs": jobs}))
    return file


def run(client: Client, file: Path) -> Timed:
    """Submit a pipeline and wait for it. Raises BenchmarkError unless it completes."""
    began = time.monotonic()
    name = str(client.jobs.create_or_update(load_job(file)).name)
    submitted = time.monotonic()
    while (status := client.jobs.get(name).status) not in {"Completed", "Failed", "Canceled"}:
        if time.monotonic() - submitted > _GIVE_UP_SECONDS:
            raise BenchmarkError(f"job {name} is still {status} after {_GIVE_UP_SECONDS} s")
        time.sleep(_POLL_SECONDS)
    if status != "Completed":
        raise BenchmarkError(f"job {name} ended {status}: see it with `azureml-emulator`")
    return Timed(submitted - began, time.monotonic() - submitted)


def finished(client: Client) -> str:
    """The name of a job that is over."""
    return str(next(iter(client.jobs.list())).name)


def get_seconds(client: Client, *, rounds: int) -> float:
    """The median of the seconds that the SDK takes to get a compute."""
    seconds = []
    for _ in range(rounds):
        began = time.monotonic()
        client.compute.get(_COMPUTE)
        seconds.append(time.monotonic() - began)
    return statistics.median(seconds)
