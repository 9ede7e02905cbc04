"""train.yml as a caller in another repository uses it, against the emulator."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from sandbox.act import Job, Step
from sandbox.paths import ROOT
from tests.hostile_texts import BRANCHES, CANARY, COMMIT_MESSAGE, HOSTILE
from tests.workflows import caller
from tests.workflows.caller import Azure, deliver
from tests.workflows.repositories import MakeRepository, git
from tests.workflows.traces import Traces


@pytest.fixture
def repository(make_repository: MakeRepository, library_commit: str) -> Path:
    return make_repository("caller", caller.files(library_commit))


TEXTS = list(HOSTILE.values())
TEXT = HOSTILE["quotes"] + HOSTILE["quoted-substitution"] + HOSTILE["expression"] + HOSTILE["old-command"]


def test_trains_and_hands_over_what_it_registered(
    make_repository: MakeRepository, library_commit: str, azure: Azure, tmp_path: Path
) -> None:
    """Whatever branch, commit message, actor, input and log say; and with no trace of a secret."""
    repository = make_repository("caller", caller.files(library_commit, TEXTS))
    git(repository, "branch", "--move", BRANCHES["substitution"] + BRANCHES["quotes"] + BRANCHES["expression"])
    git(repository, "commit", "--quiet", "--allow-empty", f"--message={COMMIT_MESSAGE}")
    secrets = {"credentials": azure.secrets["AZURE_CREDENTIALS"], "secret": azure.emulator["AZURE_CLIENT_SECRET"]}
    traces = Traces(secrets, tmp_path / "run", frozenset({"start", "pipeline"}), "pipeline")
    hostile: dict[str, Any] = {"text": TEXT, "actor": HOSTILE["html"]}
    files: dict[str, Any] = {"folder": traces.folder, "on_step": traces.on_step}
    with traces.watched(), deliver(repository, azure, **hostile, **files) as running:
        run = running.wait(180)

    assert run.succeeded, run.log
    traces.assert_none(run, programs=frozenset({"uv", "mlops"}))
    assert not list(tmp_path.rglob(CANARY))
    assert not (ROOT / CANARY).exists()
    assert run.errors == []
    assert not any("forged" in step.outputs for _, step in run.steps())
    assert "::set-output name=forged::yes" in run.log, "what a job prints is shown"
    assert azure.pipeline_inputs(run.job("train").step("pipeline").outputs["job-name"])["text"] == TEXT
    metrics, url = run.job("after").step("read").lines
    assert json.loads(metrics)["accuracy"] == 0.75
    assert url == run.job("train").step("pipeline").outputs["studio-url"]
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


@pytest.mark.fault("compute: the pipeline of train.yml fails", "it is stopped")
def test_stops_the_compute_after_a_pipeline_that_fails(repository: Path, azure: Azure) -> None:
    with deliver(repository, azure, mode="fail", job_name="a-job-that-fails") as running:
        run = running.wait(180)

    assert not run.succeeded
    assert run.job("train").result == "failure"
    assert any("the photos are all of the same animal" in error for error in run.errors), run.log
    assert not run.ran("after")
    assert azure.compute_state() == "Stopped"


@pytest.mark.fault("compute: train.yml is cancelled", "the job is cancelled, then it is stopped")
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
