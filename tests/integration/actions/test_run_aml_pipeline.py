"""run-aml-pipeline against the emulator: what it tells of jobs that end well, badly, late or not at all."""

from __future__ import annotations

import json
import uuid

import pytest
from azure.ai.ml import MLClient

from .conftest import COMPUTE, Action, WriteYaml, node, pipeline, training

LOG = """
import sys
import mlflow
with mlflow.start_run():
    for step, pair in enumerate(sys.argv[1:]):
        name, value = pair.split("=")
        mlflow.log_metric(name, float(value), step=step)
"""

RUN_ANEW = {"default_compute": f"azureml:{COMPUTE}", "force_rerun": True}

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def model() -> str:
    return f"model-{uuid.uuid4().hex[:8]}"


def test_a_job_that_registers_a_model(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_yaml("pipelines/my.training v2.yaml", training(model))
    monkeypatch.setenv("GITHUB_RUN_ID", model[-8:])
    ran = action("run-aml-pipeline", file=file, inputs="content=heavy=1\n")
    assert ran.status == 0, ran.log
    name = f"my-training-v2-0123456789abcdef0123456789abcdef01234567-{model[-8:]}"
    assert ran.outputs["job-name"] == name
    assert ran.outputs["status"] == "Completed"
    assert ran.outputs["studio-url"].startswith(f"https://ml.azure.com/runs/{name}?wsid=/subscriptions/")
    assert (ran.outputs["model-name"], ran.outputs["model-version"]) == (model, "1")
    assert json.loads(ran.outputs["metrics"]) == {}
    assert f"Registered model: {model}:1" in ran.summary
    assert "| train | Completed |" in ran.summary
    assert "[register] Registered model" in ran.log

    job = ml_client.jobs.get(name)
    tags = {
        "repository": "team/project",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "run-url": f"https://github.example/team/project/actions/runs/{model[-8:]}",
        "actor": "somebody",
    }
    assert job.tags == tags
    assert ml_client.models.get(model, "1").tags == {**tags, "job": name}

    # A second call of the same run, such as when its runner was lost, follows the same job.
    again = action("run-aml-pipeline", file=file, inputs="content=heavy=1\n")
    assert again.outputs == ran.outputs
    assert "it is followed, not submitted again" in again.log
    assert [m.version for m in ml_client.models.list(model)] == ["1"]

    other = action("run-aml-pipeline", file=file, inputs="content=light")
    assert f"job {name} exists, with content=heavy=1 and not light: give another job-name" in other.error


def test_the_model_is_this_jobs_and_not_the_latest(action: Action, write_yaml: WriteYaml, model: str) -> None:
    file = write_yaml("pipeline.yaml", training(model) | {"settings": RUN_ANEW})
    first, second = (f"{model}-{number}" for number in (1, 2))
    for number, job in enumerate((first, second), 1):
        ran = action("run-aml-pipeline", file=file, job_name=job)
        assert ran.outputs["model-version"] == str(number)
    assert action("run-aml-pipeline", file=file, job_name=first).outputs["model-version"] == "1"


def test_the_metrics_of_the_nodes(action: Action, write_yaml: WriteYaml) -> None:
    conda = {"name": "m", "dependencies": ["python=3.11", "pip", {"pip": ["mlflow-skinny==3.15.0"]}]}
    environment = {"name": "actions-mlflow", "version": "1", "image": "debian:12", "conda_file": conda}
    assert action("register-assets", environments=write_yaml("mlflow.yaml", environment)).status == 0
    write_yaml("code/log.py", LOG)
    logging = {"code": "code", "environment": "azureml:actions-mlflow@latest"}
    second = node(
        "cat ${{inputs.after}}; python log.py accuracy=0.75 loss=nan",
        **logging,
        inputs={"after": "${{parent.jobs.first.outputs.done}}"},
    )
    first = node(
        "python log.py accuracy=0.25 accuracy=0.5 seconds=3; echo > ${{outputs.done}}",
        **logging,
        outputs={"done": {"type": "uri_file"}},
    )
    file = write_yaml("pipeline.yaml", pipeline({"first": first, "second": second}))
    for number, state in enumerate(("Completed", "Completed, reused")):
        ran = action("run-aml-pipeline", file=file, job_name=f"measures-{number}")
        assert ran.status == 0, ran.log
        assert json.loads(ran.outputs["metrics"]) == {"accuracy": 0.75, "loss": None, "seconds": 3.0}
        assert "| accuracy | 0.75 |" in ran.summary
        assert "| loss | not a finite number |" in ran.summary
        assert f"| second | {state} |" in ran.summary


def test_what_did_not_change_is_not_trained_again(action: Action, write_yaml: WriteYaml, model: str) -> None:
    file = write_yaml("pipeline.yaml", training(model))
    ran = [action("run-aml-pipeline", file=file, job_name=f"{model}-{number}") for number in range(2)]
    assert [one.outputs["model-version"] for one in ran] == ["1", "1"]
    assert "| train | Completed, reused |" in ran[1].summary


def test_a_job_without_a_model(action: Action, write_yaml: WriteYaml) -> None:
    file = write_yaml("pipeline.yaml", pipeline({"only": node("echo ::error::not a command; echo 100% done")}))
    ran = action("run-aml-pipeline", file=file)
    assert ran.status == 0
    assert (ran.outputs["model-name"], ran.outputs["model-version"]) == ("", "")
    assert not ran.errors  # a line of a log's own begins with its node
    assert "[only] ::error::not a command" in ran.log


@pytest.mark.fault("job: a node fails", "the step fails, and names the node with its error and its last lines")
def test_a_node_that_fails(action: Action, write_yaml: WriteYaml) -> None:
    jobs = {"fine": node("true"), "broken": node("seq 100; echo no such animal >&2; exit 3")}
    file = write_yaml("pipeline.yaml", pipeline(jobs))
    ran = action("run-aml-pipeline", file=file)
    assert f"job {ran.outputs['job-name']} is Failed: node broken failed: " in ran.error
    assert "no such animal" in ran.error
    assert ran.outputs["status"] == "Failed"
    assert ran.outputs["studio-url"].startswith("https://ml.azure.com/")
    assert "| broken | Failed |" in ran.summary
    assert "    no such animal" in ran.summary
    group = ran.log.index("::group::the last lines of node broken")
    assert "no such animal" in ran.log[group : ran.log.index("::endgroup::", group)]


@pytest.mark.fault(
    "job: the workflow is run again after its job has failed",
    "another job is submitted, under a name with the attempt's number",
)
def test_a_retry_after_a_failure_is_another_job(
    action: Action, write_yaml: WriteYaml, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_yaml("pipeline.yaml", pipeline({"broken": node("exit 3")}))
    first = action("run-aml-pipeline", file=file).outputs["job-name"]
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    assert action("run-aml-pipeline", file=file).outputs["job-name"] == f"{first}-2"
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "3")
    write_yaml("pipeline.yaml", pipeline({"broken": node("true")}))
    third = action("run-aml-pipeline", file=file)
    assert (third.outputs["job-name"], third.outputs["status"]) == (f"{first}-3", "Completed")
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "4")
    assert action("run-aml-pipeline", file=file).outputs["job-name"] == f"{first}-3"


@pytest.mark.fault(
    "job: it takes longer than `timeout-minutes`",
    "it is cancelled; with `cancel-on-timeout: false` it runs on, and a later call follows it",
)
def test_time_that_is_up(action: Action, write_yaml: WriteYaml, ml_client: MLClient) -> None:
    file = write_yaml("pipeline.yaml", pipeline({"slow": node("echo begun; sleep 600")}))
    ran = action("run-aml-pipeline", file=file, timeout_minutes="0.05")
    name = ran.outputs["job-name"]
    assert ran.error == f"::error::job {name} had not ended in time (timeout-minutes) and was cancelled"
    assert ran.outputs["status"] == "CancelRequested"
    assert ml_client.jobs.get(name).status in {"CancelRequested", "Canceled"}


@pytest.mark.fault("job: somebody cancels it in the Studio", "the step fails")
def test_a_job_that_somebody_cancels_is_no_success(action: Action, write_yaml: WriteYaml, ml_client: MLClient) -> None:
    """The SDK's stream returns as if all were well."""
    file = write_yaml("pipeline.yaml", pipeline({"slow": node("sleep 600")}))
    begun = action("run-aml-pipeline", file=file, wait="false")
    assert begun.status == 0
    name = begun.outputs["job-name"]
    ml_client.jobs.begin_cancel(name)
    ran = action("run-aml-pipeline", file=file)
    assert f"job {name} is Canceled" in ran.error
    assert ran.outputs["status"] == "Canceled"


@pytest.mark.fault(
    "job: it takes longer than a runner's six hours",
    "`wait: false` submits it; a later call of the same name follows it",
)
def test_not_waiting(action: Action, write_yaml: WriteYaml, ml_client: MLClient) -> None:
    file = write_yaml("pipeline.yaml", pipeline({"short": node("true")}))
    ran = action("run-aml-pipeline", file=file, wait="false", experiment="elsewhere", job_name="not-waited-for")
    assert ran.status == 0
    assert ran.outputs["status"] not in {"", "Failed"}
    assert ran.outputs["metrics"] == "{}"
    assert ml_client.jobs.get("not-waited-for").experiment_name == "elsewhere"
    assert action("run-aml-pipeline", file=file, job_name="not-waited-for").outputs["status"] == "Completed"


def test_another_compute(action: Action, write_yaml: WriteYaml) -> None:
    file = write_yaml("pipeline.yaml", pipeline({"a": node("true")}, settings={"default_compute": "azureml:gone"}))
    assert action("run-aml-pipeline", file=file, compute=COMPUTE).outputs["status"] == "Completed"


@pytest.mark.fault("job: its compute does not exist", "an error before anything runs")
def test_a_compute_that_does_not_exist(action: Action, write_yaml: WriteYaml) -> None:
    file = write_yaml("pipeline.yaml", pipeline({"a": node("true")}))
    assert "unknown-machine" in action("run-aml-pipeline", file=file, compute="unknown-machine").error


def test_an_input_that_the_pipeline_does_not_have(action: Action, write_yaml: WriteYaml, model: str) -> None:
    file = write_yaml("pipeline.yaml", training(model))
    ran = action("run-aml-pipeline", file=file, inputs="contents=1")
    assert ran.error == f"::error file={file},line=5::the pipeline {file} has no input 'contents'; it has content"


def test_inputs_that_are_no_pairs(action: Action, write_yaml: WriteYaml, model: str) -> None:
    ran = action("run-aml-pipeline", file=write_yaml("pipeline.yaml", training(model)), inputs="content")
    assert ran.status == 2
    assert "'content' is not key=value" in ran.errors[0]


def test_a_file_that_does_not_exist(action: Action) -> None:
    ran = action("run-aml-pipeline", file="nowhere.yaml")
    assert ran.error == "::error::there is no file nowhere.yaml (the pipeline definition)"


def test_a_file_that_is_not_yaml(action: Action, write_yaml: WriteYaml) -> None:
    file = write_yaml("pipeline.yaml", "type: pipeline\n\tjobs: 3\n")
    ran = action("run-aml-pipeline", file=file)
    assert ran.error.startswith(f"::error file={file},line=2,col=1::{file} is not valid YAML: ")


def test_a_file_that_is_no_pipeline(action: Action, write_yaml: WriteYaml) -> None:
    file = write_yaml("pipeline.yaml", {"type": "command", "command": "true"})
    assert "is not a pipeline job: it needs type: pipeline, and jobs" in action("run-aml-pipeline", file=file).error


@pytest.mark.fault("job: a component of it does not exist", "an error before anything runs")
def test_a_component_that_does_not_exist(action: Action, write_yaml: WriteYaml) -> None:
    file = write_yaml("pipeline.yaml", pipeline({"a": {"type": "command", "component": "./nowhere.yaml"}}))
    ran = action("run-aml-pipeline", file=file)
    missing = file.with_name("nowhere.yaml")
    expected = f"{file} was not submitted: jobs.a.component: No such file or directory: {missing}"
    assert ran.error == f"::error file={file},line=8,col=5::{expected}"


@pytest.mark.parametrize("name", ["no spaces", "-dash", "a" * 256])
def test_a_name_that_azure_does_not_take(action: Action, write_yaml: WriteYaml, model: str, name: str) -> None:
    file = write_yaml("pipeline.yaml", training(model))
    assert "is not a name for a job" in action("run-aml-pipeline", file=file, job_name=name).error


def test_a_required_input_that_is_missing(action: Action) -> None:
    ran = action("run-aml-pipeline")
    assert ran.status == 2
    assert "--file" in ran.errors[0]
