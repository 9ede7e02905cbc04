"""A second run of train.yml on an unchanged repository: it uploads nothing, and registers nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from azure.storage.blob import BlobServiceClient

from azureml_emulator.faults import validation
from azureml_emulator.faults.client import Control
from azureml_emulator.settings import Settings
from soak.actions.lane import steps, variables
from soak.actions.project import Project
from soak.actions.workflow import ASSETS, PIPELINE, START, Attempt, Runner, Running, outputs_in
from tests.integration.conftest import Emulator
from tests.integration.emulator_faults.conftest import control

__all__ = ["control"]


def uploaded(known: Settings) -> Iterator[tuple[str, str, str]]:
    """All that the SDK has ever uploaded, with what changes when it is uploaded again."""
    with BlobServiceClient(known.blob_url, credential=known.storage_key) as storage:
        for container in storage.list_containers():
            for blob in storage.get_container_client(container.name).list_blobs():
                if "LocalUpload/" in blob.name or container.name.startswith("code-"):
                    yield container.name, blob.name, blob.etag


@pytest.mark.usefixtures("emulator_environment")
def test_a_second_run_uploads_nothing(emulator: Emulator, control: Control, tmp_path: Path) -> None:
    known = emulator.settings
    project = Project(tmp_path / "project", Random(2))  # noqa: S311 - the same each time
    runner = Runner(tmp_path / "runner", project.folder, variables(known))
    first, second = Attempt("8001", 1), Attempt("8002", 1)
    runner.run(first, steps(known, project, first.run_id), lambda _: None)
    assert first.green, first.said
    before = sorted(uploaded(known))
    assert before, "the first run has uploaded something"

    # A delay of no time, to count the connections to the storage.
    counting = {"fault": "slow", "seconds": 0, "tunnel": "*.blob.core.windows.net"}
    control.arm([validation.read(counting, name="connections")])
    connections: dict[str, int] = {}

    def count(running: Running) -> None:
        running.process.wait(120)
        connections[running.step.name] = int(control.listed()[0]["seen"])

    runner.run(second, steps(known, project, second.run_id), count)
    assert second.green, second.said
    # Before the job not so much as a connection was made; with the job only its logs and its model were read.
    assert (connections[ASSETS], connections[START]) == (0, 0)
    assert connections[PIPELINE] > 0, "or nothing was counted"
    assert sorted(uploaded(known)) == before
    told = json.loads(outputs_in(tmp_path / "runner" / f"{ASSETS}.output")["assets"])
    assert {asset["status"] for asset in told} == {"unchanged"}
