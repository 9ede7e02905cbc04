"""What a caller changes in a pipeline, and the name that its job gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlops_actions.aml import submission
from mlops_actions.aml.submission import Pipeline, default_name, lineage, valid_name
from mlops_actions.errors import ActionError

SHA = "0123456789abcdef0123456789abcdef01234567"
PIPELINE = """type: pipeline
inputs:
  epochs: 5
  cats:
    type: uri_folder
    path: azureml:cats@latest
  rate:
    type: number
    default: 0.1
settings:
  default_compute: azureml:machine
jobs:
  train: {type: command}
"""


class Workspace:
    """Answers for the jobs of a workspace what a REST call would: their state."""

    def __init__(self, **states: str) -> None:
        self.states = {name.replace("_", "-"): state for name, state in states.items()}

    def get(self, path: str) -> dict[str, Any] | None:
        state = self.states.get(path.removeprefix("jobs/"))
        return state and {"properties": {"status": state}}  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_RUN_ATTEMPT", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL", "GITHUB_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_SHA", "abc")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")


def name_of(file: str, workspace: Workspace | None = None) -> str:
    return default_name(Path(file), workspace or Workspace())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("pipelines/animals-classification.yaml", "animals-classification-abc-77"),
        ("my pipe.line (1).yml", "my-pipe-line-1-abc-77"),
        ("_hidden.yaml", "hidden-abc-77"),
        ("äöü.yaml", "pipeline-abc-77"),
        ("Ab_c.yaml", "Ab_c-abc-77"),
    ],
)
def test_the_default_name(file: str, name: str) -> None:
    assert name_of(file) == name
    assert valid_name(name) == name


def test_a_long_name_keeps_what_makes_it_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SHA", SHA)
    monkeypatch.setenv("GITHUB_RUN_ID", "12345678901")
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "12")
    name = name_of(f"{'x' * 400}.yaml")
    assert len(name) <= 255
    assert name.endswith(f"x-{SHA}-12345678901")
    assert valid_name(f"{name}-999", retried=True)


def test_a_name_that_leaves_no_room_for_retries() -> None:
    assert valid_name("a" * 247, retried=True)
    with pytest.raises(ActionError, match="is too long for retries"):
        valid_name("a" * 248, retried=True)


def test_without_a_run_each_call_is_a_job_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_SHA")
    monkeypatch.delenv("GITHUB_RUN_ID")
    assert name_of("train.yaml").startswith("train-local-20")


@pytest.mark.parametrize(
    ("attempt", "jobs", "name"),
    [
        ("1", {"train_abc_77": "Failed"}, "train-abc-77"),
        ("2", {}, "train-abc-77"),
        ("2", {"train_abc_77": "Running"}, "train-abc-77"),
        ("2", {"train_abc_77": "Completed"}, "train-abc-77"),
        ("2", {"train_abc_77": "Failed"}, "train-abc-77-2"),
        ("3", {"train_abc_77": "Canceled"}, "train-abc-77-3"),
        ("3", {"train_abc_77": "Failed", "train_abc_77_2": "Running"}, "train-abc-77-2"),
        ("3", {"train_abc_77": "Failed", "train_abc_77_2": "Failed"}, "train-abc-77-3"),
        # What counts is the last of the jobs that one call has submitted.
        ("2", {"train_abc_77": "Failed", "train_abc_77_retry_1": "Running"}, "train-abc-77"),
        ("2", {"train_abc_77": "Failed", "train_abc_77_retry_1": "Completed"}, "train-abc-77"),
        ("2", {"train_abc_77": "Failed", "train_abc_77_retry_1": "Failed"}, "train-abc-77-2"),
    ],
)
def test_another_attempt(monkeypatch: pytest.MonkeyPatch, attempt: str, jobs: dict[str, str], name: str) -> None:
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", attempt)
    assert name_of("train.yaml", Workspace(**jobs)) == name


@pytest.mark.fault(
    "runner: the workflow is run again while its cancelled job has not ended yet", "its end is waited for, then another"
)
def test_another_attempt_after_a_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    monkeypatch.setattr(submission, "_POLL_SECONDS", 0)
    workspace = Workspace(train_abc_77="CancelRequested")
    asked = []

    def get(path: str) -> dict[str, Any] | None:
        asked.append(path)
        if len(asked) == 5:
            workspace.states["train-abc-77"] = "Canceled"
        return Workspace.get(workspace, path)

    monkeypatch.setattr(workspace, "get", get)
    assert name_of("train.yaml", workspace) == "train-abc-77-2"
    assert len(asked) == 5
    # One that does not end is not left beside another: it is followed.
    monkeypatch.setattr(submission, "_CANCELLATION_SECONDS", 0)
    assert name_of("train.yaml", Workspace(train_abc_77="CancelRequested")) == "train-abc-77"


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "a.b", "ä", "a" * 256, "a\n", "$(x)"])
def test_names_that_azure_does_not_take(name: str) -> None:
    with pytest.raises(ActionError, match="is not a name for a job"):
        valid_name(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "train.yaml"
    file.write_text(PIPELINE)
    return file


def changes(pipeline: Pipeline) -> dict[str, str]:
    return {key: value for change in pipeline._changes for key, value in change.items()}


def test_overrides(file: Path) -> None:
    inputs = {"epochs": "1", "cats": "azureml:lions:3", "rate": "0.5"}
    assert changes(Pipeline(file, inputs, "other", "mine")) == {
        "inputs.epochs": "1",
        "inputs.cats.path": "azureml:lions:3",
        "inputs.rate.default": "0.5",
        "settings.default_compute": "azureml:other",
        "experiment_name": "mine",
    }
    assert changes(Pipeline(file, {}, None, None)) == {}


def test_a_compute_by_its_whole_reference(file: Path) -> None:
    assert changes(Pipeline(file, {}, "azureml:other", None)) == {"settings.default_compute": "azureml:other"}


def test_an_unknown_input_is_an_error_that_lists_the_known_ones(file: Path) -> None:
    with pytest.raises(ActionError, match=r"has no input 'epoch'; it has epochs, cats, rate") as raised:
        Pipeline(file, {"epoch": "1"}, None, None)
    assert raised.value.file == str(file)


@pytest.mark.parametrize("content", ["type: command\ncommand: x\n", "type: pipeline\n", "jobs: []\n", "name: x\n"])
def test_what_is_no_pipeline(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(ActionError, match="is not a pipeline job"):
        Pipeline(file, {}, None, None)


def test_a_job_of_that_name_with_other_inputs_is_not_taken_for_this_one(file: Path) -> None:
    pipeline = Pipeline(file, {"epochs": "3", "cats": "azureml:cats:1"}, None, None)
    cats = {"jobInputType": "uri_folder", "uri": "/subscriptions/…/cats/versions/1"}
    same = {"inputs": {"epochs": {"jobInputType": "literal", "value": "3"}, "cats": cats}}
    pipeline.check_same("job", same)
    other = {"inputs": {"epochs": {"jobInputType": "literal", "value": "5"}, "cats": cats}}
    with pytest.raises(ActionError, match="job job exists, with epochs=5 and not 3"):
        pipeline.check_same("job", other)


def test_lineage_is_what_is_known_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lineage() == {"commit": "abc"}
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/project")
    monkeypatch.setenv("GITHUB_ACTOR", "somebody")
    assert lineage() == {
        "repository": "team/project",
        "commit": "abc",
        "run-url": "https://github.example/team/project/actions/runs/77",
        "actor": "somebody",
    }
