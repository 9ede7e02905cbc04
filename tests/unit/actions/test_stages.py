"""How far a stage has come, and where it goes on, whatever ended it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions import cli
from mlops_actions.azure import SignIn
from mlops_actions.errors import ActionError
from mlops_actions.stages import record as records
from mlops_actions.stages.progress import Progress
from mlops_actions.stages.train import train


@dataclass(frozen=True)
class Put:
    """What a probe puts out."""

    state: str = ""
    job_name: str = ""
    status: str = ""


class PartlyDoneError(ActionError):
    def __init__(self, outputs: Put) -> None:
        super().__init__("it failed")
        self.outputs = outputs


@dataclass
class Probes:
    """Stand in for the actions, and note what they were called with."""

    called: list[str] = field(default_factory=list)
    arguments: dict[str, dict[str, Any]] = field(default_factory=dict)
    ends: dict[str, Callable[[dict[str, Any]], Put]] = field(default_factory=dict)

    def function(self, command: str) -> Callable[..., Put]:
        def probe(*, sign_in: SignIn, **given: Any) -> Put:
            step = f"{command}:{given['state']}" if command == "ensure-compute" else command
            self.called.append(step)
            self.arguments[step] = {**given, "sign_in": sign_in}
            return self.ends.get(step, lambda _: Put())(given)

        return probe


ALL = ["register-assets", "ensure-compute:running", "run-aml-pipeline", "ensure-compute:stopped"]
GIVEN: dict[str, Any] = {
    "pipeline": Path("pipelines/my pipeline.yaml"),
    "pipeline_inputs": {"epochs": "5"},
    "compute_file": Path("compute.yaml"),
    "components": ("a/*.yaml", "b.yaml"),
}


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Probes:
    made = Probes()
    monkeypatch.setattr(cli, "action_function", made.function)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.chdir(tmp_path)
    return made


def run(probes: Probes, **given: Any) -> tuple[int, list[str]]:
    probes.called.clear()
    return train(**given), list(probes.called)


def job(probes: Probes) -> str:
    return str(probes.arguments["run-aml-pipeline"]["job_name"])


def ends_as(status: str) -> Callable[[dict[str, Any]], Put]:
    def fail(given: dict[str, Any]) -> Put:
        raise PartlyDoneError(Put(job_name=given["job_name"], status=status))

    return fail


def interrupt(_: object) -> Put:
    raise KeyboardInterrupt


def test_all_steps_in_order_with_their_arguments(probes: Probes) -> None:
    sign_in = SignIn(workspace="ours", azure_credentials="secret-77ac")
    assert run(probes, **GIVEN, sign_in=sign_in) == (0, ALL)
    assert probes.arguments["register-assets"] == {
        "components": ("a/*.yaml", "b.yaml"),
        "on_conflict": "error",
        "sign_in": sign_in,
    }
    assert probes.arguments["ensure-compute:stopped"]["only_if_idle"] is True
    assert job(probes).startswith("my-pipeline-local-")
    kept = records.path_of("train").read_text()
    assert "secret-77ac" not in kept
    assert json.loads(kept)["place"] == {"workspace": "ours"}


def test_what_the_inputs_do_not_ask_for_is_skipped(probes: Probes) -> None:
    assert run(probes, pipeline=Path("p.yaml")) == (0, ["run-aml-pipeline"])
    assert run(probes, pipeline=Path("p.yaml"), compute="c", stop_compute=False)[1] == ALL[1:3]


def test_a_failure_is_cleaned_up_after_and_resumed_from(probes: Probes) -> None:
    probes.ends["run-aml-pipeline"] = ends_as("Failed")
    assert run(probes, **GIVEN) == (1, ALL)
    first = job(probes)
    probes.ends.clear()
    # The compute was stopped: it is started again. The job has failed for good: there is another.
    assert run(probes, progress=Progress(resume=True)) == (0, ALL[1:])
    assert job(probes) == f"{first}-again-2"
    assert probes.arguments["run-aml-pipeline"]["file"] == GIVEN["pipeline"]
    assert probes.arguments["run-aml-pipeline"]["inputs"] == GIVEN["pipeline_inputs"]
    # And nothing is left to do.
    assert run(probes, progress=Progress(resume=True)) == (0, [])


def test_a_failure_before_there_is_a_job_keeps_its_name(probes: Probes) -> None:
    probes.ends["run-aml-pipeline"] = ends_as("")
    run(probes, **GIVEN)
    first = job(probes)
    assert run(probes, progress=Progress(resume=True)) == (1, ALL[1:])
    assert job(probes) == first


def test_a_failure_of_the_first_step_reaches_no_other(probes: Probes) -> None:
    probes.ends["register-assets"] = ends_as("")
    assert run(probes, **GIVEN) == (1, ALL[:1])
    probes.ends.clear()
    assert run(probes, progress=Progress(resume=True)) == (0, ALL)


def test_a_compute_that_does_not_start_is_stopped(probes: Probes) -> None:
    probes.ends["ensure-compute:running"] = ends_as("")
    assert run(probes, **GIVEN) == (1, [*ALL[:2], ALL[3]])


def test_an_interruption_is_cleaned_up_after(probes: Probes) -> None:
    probes.ends["ensure-compute:running"] = interrupt
    assert run(probes, **GIVEN) == (1, [*ALL[:2], ALL[3]])
    assert records.read("train").status("start") == "interrupted"  # type: ignore[union-attr]


def test_an_interrupted_clean_up_is_said_and_resumed(probes: Probes, capsys: pytest.CaptureFixture[str]) -> None:
    probes.ends["ensure-compute:stopped"] = interrupt
    assert run(probes, **GIVEN)[0] == 1
    assert "what start began may go on, and cost: mlops run train --only=stop" in capsys.readouterr().out
    probes.ends.clear()
    assert run(probes, progress=Progress(resume=True)) == (0, ALL[3:])


def test_inputs_that_are_given_again_win(probes: Probes) -> None:
    probes.ends["run-aml-pipeline"] = ends_as("")
    run(probes, **GIVEN, timeout_minutes=1)
    run(probes, timeout_minutes=9, sign_in=SignIn(workspace="other"), progress=Progress(resume=True))
    told = probes.arguments["run-aml-pipeline"]
    assert (told["timeout_minutes"], told["inputs"]) == (9, GIVEN["pipeline_inputs"])
    assert told["sign_in"] == SignIn(workspace="other")


@pytest.mark.parametrize("named", ["pipeline", "run-aml-pipeline"])
def test_from_a_step(probes: Probes, named: str) -> None:
    assert run(probes, **GIVEN, progress=Progress(from_step=named)) == (0, ["run-aml-pipeline"])
    assert run(probes, **GIVEN) == (0, ALL)
    probes.ends["run-aml-pipeline"] = lambda given: Put(job_name=given["job_name"], status="Completed")
    first = job(probes)
    assert run(probes, progress=Progress(from_step=named)) == (0, ALL[1:])
    assert job(probes) == first  # of which nobody knows that it ended
    run(probes, progress=Progress(from_step=named))
    assert job(probes) == f"{first}-again-3"


def test_one_step_alone(probes: Probes) -> None:
    assert run(probes, **GIVEN, progress=Progress(only="stop")) == (0, ALL[3:])
    run(probes, **GIVEN)
    assert run(probes, progress=Progress(only="start")) == (0, ALL[1:2])


def test_a_run_that_was_killed_is_not_forgotten_by_mistake(probes: Probes) -> None:
    killed = records.Record("train", {"pipeline": "p.yaml"}, job_name="p-local-1")
    killed.note("pipeline", "running")
    with pytest.raises(ActionError, match=r"killed in its step pipeline.*--resume, or begin another with --anew"):
        run(probes, **GIVEN)
    assert run(probes, **GIVEN, progress=Progress(anew=True)) == (0, ALL)
    assert job(probes) != "p-local-1"
    killed.save()
    run(probes, progress=Progress(resume=True))
    assert job(probes) == "p-local-1"


def test_the_list(probes: Probes, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(probes, progress=Progress(list=True)) == (0, [])
    assert capsys.readouterr().out.count("to do") == 4
    probes.ends["run-aml-pipeline"] = ends_as("Failed")
    run(probes, **GIVEN)
    capsys.readouterr()
    assert run(probes, progress=Progress(list=True)) == (0, [])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("start      ensure-compute    done")
    assert lines[2].startswith("pipeline   run-aml-pipeline  failed: job-name=my-pipeline-local-")


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(resume=True), r"there is nothing to resume: \.mlops/train\.json is not there"),
        (Progress(resume=True, anew=True), "--resume and --anew exclude each other"),
        (Progress(from_step="fly"), r"has no step 'fly', or several; it has register \(register-assets\)"),
        (Progress(only="ensure-compute"), "has no step 'ensure-compute', or several"),
        (Progress(), r"pipeline is not given, nor does \.mlops/train\.json have it"),
    ],
)
def test_calls_that_make_no_sense(probes: Probes, progress: Progress, text: str) -> None:
    with pytest.raises(ActionError, match=text):
        run(probes, progress=progress)
    assert probes.called == []


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"stage": "train", "inputs": {}, "steps": {"start": 1}}'])
def test_a_record_that_is_none(probes: Probes, content: str) -> None:
    records.FOLDER.mkdir()
    records.path_of("train").write_text(content)
    with pytest.raises(ActionError, match=r"\.mlops/train\.json is not what `mlops run train` writes"):
        run(probes, **GIVEN)


def caller(**given: object) -> Path:
    """The workflow of a caller that uses train.yml with these inputs."""
    job = {"uses": "org/mlops-actions/.github/workflows/train.yml@0123abc", "with": given}
    file = Path("mlops.yml")
    file.write_text(yaml.safe_dump({"jobs": {"train": job, "other": {"runs-on": "x", "steps": []}}}))
    return file


def test_inputs_of_a_callers_workflow(
    probes: Probes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEAMS_GROUP", "ours")
    monkeypatch.delenv("NOWHERE", raising=False)
    file = caller(
        **{
            "pipeline": "p.yaml",
            "pipeline-inputs": "${{ inputs.epochs && format('epochs={0}', inputs.epochs) }}",
            "environments": "a.yaml\nb.yaml\n",
            "compute": "${{ vars.NOWHERE }}",
            "compute-file": "${{ vars.NOWHERE || 'c.yaml' }}",
            "retries": 2,
            "stop-compute": False,
            "resource-group": "${{ vars.TEAMS_GROUP }}",
            "client-id": "${{ vars.AZURE_CLIENT_ID }}",
            "runs-on": "${{ vars.RUNS_ON || 'x' }}",
        }
    )
    assert run(probes, retries=1, progress=Progress(workflow=file)) == (0, ALL[:3])
    told = probes.arguments["run-aml-pipeline"]
    assert (told["file"], told["retries"]) == (Path("p.yaml"), 1)
    assert {"inputs", "compute"}.isdisjoint(told)
    # Who signs in is for the laptop to say.
    assert told["sign_in"] == SignIn(resource_group="ours")
    assert probes.arguments["register-assets"]["environments"] == ("a.yaml", "b.yaml")
    assert probes.arguments["ensure-compute:running"]["file"] == Path("c.yaml")
    assert "mlops.yml makes pipeline-inputs by expressions, which only a runner can" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("jobs: {one: {uses: ./.github/workflows/deploy.yml}}", r"has no job with `uses: …/train\.yml`"),
        ("jobs: {one: {uses: a/train.yml}, two: {uses: b/train.yml@x}}", r"has 2 jobs \(one, two\) with"),
        ("jobs: {one: {uses: a/train.yml, with: {pipeline: p, retries: many}}}", r"workflow: mlops\.yml: .*many"),
        ("- x", "is not a workflow definition"),
    ],
)
def test_a_workflow_that_cannot_be_used(probes: Probes, content: str, text: str) -> None:
    Path("mlops.yml").write_text(content)
    with pytest.raises(ActionError, match=text):
        run(probes, progress=Progress(workflow=Path("mlops.yml")))
    assert probes.called == []


def test_this_repositorys_own_workflow(probes: Probes) -> None:
    file = Path(__file__).parents[3] / ".github" / "workflows" / "mlops.yml"
    assert run(probes, progress=Progress(workflow=file)) == (0, ALL)
    assert probes.arguments["run-aml-pipeline"]["file"] == Path("pipelines/animals-classification.yaml")


def test_two_at_once(probes: Probes) -> None:
    code = "from mlops_actions.stages import record\nwith record.alone('train'): print('in', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(ActionError, match=rf"process {other.pid} runs train in this folder already"):
            run(probes, **GIVEN)
        other.communicate("\n")
    assert run(probes, **GIVEN)[0] == 0


def test_the_folder_ignores_itself(probes: Probes) -> None:
    run(probes, **GIVEN)
    subprocess.run(["git", "init", "--quiet"], check=True)
    done = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert list(Path(".mlops").iterdir())
