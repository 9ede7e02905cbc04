"""train.yml as a caller in another repository uses it, against the emulator."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from sandbox.act import Job, Step
from tests.workflows import caller
from tests.workflows.caller import Azure, deliver
from tests.workflows.repositories import MakeRepository, git


@pytest.fixture
def repository(make_repository: MakeRepository, library_commit: str) -> Path:
    return make_repository("caller", caller.files(library_commit))


def test_trains_and_hands_over_what_it_registered(repository: Path, azure: Azure) -> None:
    with deliver(repository, azure) as running:
        run = running.wait(180)

    assert run.succeeded, run.log
    assert run.job("check").step("compute").outputs["state"] == "stopped"
    outputs = run.job("train").step("pipeline").outputs
    assert outputs["job-name"] == f"pipeline-{git(repository, 'rev-parse', 'HEAD')}-99"
    assert outputs["status"] == "Completed"
    assert outputs["model-name"] == "tiny"
    assert json.loads(outputs["metrics"])["accuracy"] == 0.75
    assert run.job("after").step("show").lines == [
        f"stopped Completed {outputs['job-name']} tiny {outputs['model-version']}"
    ]
    assert azure.compute_state() == "Stopped"


def test_stops_the_compute_after_a_pipeline_that_fails(repository: Path, azure: Azure) -> None:
    with deliver(repository, azure, mode="fail", job_name="a-job-that-fails") as running:
        run = running.wait(180)

    assert not run.succeeded
    assert run.job("train").result == "failure"
    assert any("training" in error for error in run.errors), run.log
    assert not run.ran("after")
    assert azure.compute_state() == "Stopped"


def test_stops_the_compute_after_a_cancellation(repository: Path, azure: Azure) -> None:
    hanging = threading.Event()

    def on_line(job: Job, step: Step, line: str) -> None:
        if "trains on and on" in line:
            hanging.set()

    with deliver(repository, azure, on_line=on_line, mode="hang", job_name="a-job-that-hangs") as running:
        assert hanging.wait(120), running.run.log
        assert azure.compute_state() == "Running"
        running.cancel()
        run = running.wait(120)

    assert run.cancelled
    assert not run.ran("after")
    assert azure.compute_state() == "Stopped"
