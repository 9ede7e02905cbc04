"""`make soak` of train runs in short: the same plan each time; and what its checks would find."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from azure.ai.ml import MLClient, command
from azure.storage.blob import ContainerClient

from azureml_emulator.settings import Settings
from soak.actions import kill_again_and_again
from soak.actions.checks import Found, Workspace
from soak.actions.kills import KINDS
from soak.actions.lane import steps, variables
from soak.actions.project import COMPUTE, DATA, SHA, Project
from soak.actions.table import figures
from soak.actions.workflow import START, STOP, Attempt, Runner
from tests.integration.conftest import Emulator

KILLS, SEED = 4, 3


@pytest.mark.fault(
    "runner, Azure and network: killed at random moments during train runs",
    "after the re-run each run has completed: no second job, nothing left running, no asset half there",
)
def test_train_runs_that_are_killed_again_and_again(tmp_path: Path) -> None:
    outcomes = kill_again_and_again(tmp_path / "soak", KILLS, SEED, lanes=1)
    assert [line for outcome in outcomes for line in outcome.mistakes()] == []
    found = figures(outcomes, kills=KILLS, seed=SEED, seconds=0)
    assert found["kills"] == KILLS
    assert sum(int(found[f"kills_of_{kind}"]) for kind in KINDS) == KILLS
    assert found["completed"] == found["runs"]
    assert int(found["jobs"]) >= int(found["runs"])
    assert int(found["assets_data"]) > 1


@pytest.fixture(scope="module")
def trained(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Attempt]:
    """A run that nothing happened to."""
    folder = tmp_path_factory.mktemp("soak")
    project = Project(folder / "project", Random(1))  # noqa: S311 - the same each time
    attempt = Attempt("4711", 1)
    runner = Runner(folder / "runner", project.folder, variables(emulator.settings))
    runner.run(attempt, steps(emulator.settings, project, attempt.run_id), lambda _: None)
    assert attempt.green, attempt.said
    return project, attempt


@pytest.fixture
def found() -> Found:
    return Found()


@pytest.fixture
def workspace(emulator: Emulator, found: Found) -> Iterator[Workspace]:
    looking = Workspace(emulator.settings, found)
    yield looking
    looking.close()


def test_a_good_run_has_no_mistakes(trained: tuple[Project, Attempt], workspace: Workspace, found: Found) -> None:
    project, attempt = trained
    workspace.check_clean(attempt)
    workspace.check_jobs(attempt.run_id)
    workspace.check_completed(attempt, project.generation)
    workspace.check_assets()
    assert found.mistakes() == []
    assert (found.jobs, found.assets["components"], found.assets["data"]) == (1, 2, 1)


def test_a_model_of_another_generation_is_found(
    trained: tuple[Project, Attempt], workspace: Workspace, found: Found
) -> None:
    project, attempt = trained
    workspace.check_completed(attempt, project.generation + 1)
    (mistake,) = found.models_missing
    assert "of generation 2 says" in mistake


def test_a_second_job_is_found(
    trained: tuple[Project, Attempt], workspace: Workspace, found: Found, ml_client: MLClient
) -> None:
    _, attempt = trained
    name = f"pipeline-{SHA}-{attempt.run_id}-2"
    second = command(command="true", environment="soak-plain@latest", compute=COMPUTE)
    second.name = name
    ml_client.jobs.create_or_update(second)
    workspace.check_jobs(attempt.run_id)
    (mistake,) = found.second_jobs
    assert mistake.startswith(
        f"run {attempt.run_id}: {name} beside pipeline-{SHA}-{attempt.run_id}, which is Completed"
    )


def test_a_compute_that_runs_on_is_found(
    trained: tuple[Project, Attempt], workspace: Workspace, found: Found, ml_client: MLClient
) -> None:
    ml_client.compute.begin_start(COMPUTE).wait()
    try:
        workspace.check_clean(trained[1])
        assert any("the compute is Running after the clean-up" in mistake for mistake in found.computes_left_running)
    finally:
        ml_client.compute.begin_stop(COMPUTE).wait()


@pytest.mark.usefixtures("trained")
def test_an_upload_with_a_blob_missing_or_changed_is_found(
    workspace: Workspace, found: Found, ml_client: MLClient, emulator: Emulator
) -> None:
    prefix = str(ml_client.data.get(DATA, "1").path).partition("/paths/")[2]
    container = _container(emulator.settings)
    names = [name for name in container.list_blob_names(name_starts_with=prefix) if name.endswith(".bin")]
    container.delete_blob(names[0])
    container.upload_blob(names[1], b"something else", overwrite=True)
    workspace.check_assets()
    (mistake,) = found.half_registered_assets
    assert re.search(rf"data/{DATA}/versions/1: \S+ lacks, or has otherwise, 0.bin, 1.bin", mistake)


def _container(settings: Settings) -> ContainerClient:
    return ContainerClient(settings.blob_url, "azureml-blobstore", credential=settings.storage_key)


def test_the_steps_are_those_of_the_workflow(emulator: Emulator, tmp_path: Path) -> None:
    planned = steps(emulator.settings, Project(tmp_path / "project", Random(1)), "1")  # noqa: S311
    assert [(step.command, step.always) for step in planned] == [
        ("register-assets", False),
        ("ensure-compute", False),
        ("run-aml-pipeline", False),
        ("ensure-compute", True),
    ]
    states = {step.name: step.inputs["state"] for step in planned if "state" in step.inputs}
    assert states == {START: "running", STOP: "stopped"}
