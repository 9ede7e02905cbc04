"""mlops.yml, this repository's own caller: what its inputs choose. The deployment is in tests/cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows import main_job
from tests.workflows.caller import Azure


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return main_job.repository(tmp_path / "animals")


def test_trains_only_with_the_values_of_the_inputs(repository: Path, azure: Azure) -> None:
    inputs = {"train": "true", "deploy": "false", "epochs": "3", "split-percentage": "40"}
    with main_job.start(repository, azure, inputs=inputs) as running:
        run = running.wait(180)

    assert run.succeeded, run.log
    assert set(run.jobs) == {"Train/Train/Train"}
    outputs = run.job("train").step("pipeline").outputs
    assert outputs["model-name"] == "animal-classification"
    given = azure.pipeline_inputs(outputs["job-name"])
    assert given["epochs"] == "3"
    assert given["train_test_split_percentage"] == "40"
    assert azure.compute_state() == "Stopped"


def test_runs_nothing_if_both_stages_are_off(repository: Path, azure: Azure) -> None:
    with main_job.start(repository, azure, inputs={"train": "false", "deploy": "false"}) as running:
        run = running.wait(60)

    assert run.exit_code == 0, run.log
    assert not run.jobs
