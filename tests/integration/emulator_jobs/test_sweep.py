"""Sweeps, standalone and in pipelines, submitted with the unmodified SDK; the trials log over MLflow's REST API."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.ai.ml import Input, MLClient, command, load_job
from azure.ai.ml.entities import Job
from azure.ai.ml.exceptions import JobException
from azure.ai.ml.sweep import Choice, Uniform
from azure.core.exceptions import HttpResponseError

from .conftest import COMPUTE, ENVIRONMENT, Submit, children, component, ended, failure, node, until
from .test_scheduling import alive

# What a trial's script begins with: `mlflow.log_metric` without the seconds that MLflow's installation takes.
METRICS = """
import json, os, pathlib, sys, time, urllib.request

def log_metric(key, value, step=0):
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": key, "value": value, "step": step,
            "timestamp": time.time_ns() // 1_000_000}
    url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()
"""
# Its score is best at x = 2.
TRAIN = (
    METRICS
    + """
x = float(sys.argv[1])
print("training with", x, os.environ["AZUREML_SWEEP_x"])
log_metric("score", -9)
log_metric("score", 1 - (x - 2) ** 2)
pathlib.Path("outputs", "note.txt").write_text(sys.argv[1])
pathlib.Path(sys.argv[2], "weights").write_text(sys.argv[1])
"""
)

SubmitSweep = Callable[..., Job]


@pytest.fixture
def submit_sweep(client: MLClient, tmp_path: Path) -> SubmitSweep:
    """Writes a sweep's YAML with the trial's script beside it, and submits it."""

    def submit_sweep(script: str = TRAIN, seconds: dict[str, float] | None = None, **fields: Any) -> Job:
        source = tmp_path / uuid.uuid4().hex
        (source / "code").mkdir(parents=True)
        (source / "code" / "train.py").write_text(script)
        trial = {
            "code": "code",
            "environment": f"azureml:{ENVIRONMENT}@latest",
            "command": "python train.py ${{search_space.x}} ${{outputs.model}}",
        }
        sweep = {
            "type": "sweep",
            "experiment_name": "tests",
            "compute": f"azureml:{COMPUTE}",
            "outputs": {"model": {"type": "uri_folder"}},
            "sampling_algorithm": "grid",
            "search_space": {"x": {"type": "choice", "values": [1, 2, 3]}},
            "objective": {"goal": "maximize", "primary_metric": "score"},
            "limits": {"max_total_trials": 3, "max_concurrent_trials": 2},
            **{key: value for key, value in fields.items() if key != "trial"},
            "trial": {**trial, **fields.get("trial", {})},
        }
        file = source / "sweep.yaml"
        file.write_text(yaml.safe_dump(sweep))
        job = load_job(file)
        for name, limit in (seconds or {}).items():
            setattr(job.limits, f"_{name}", limit)  # Its setter makes a minute of less.
        return client.jobs.create_or_update(job)

    return submit_sweep


def by_name(client: MLClient, name: str) -> dict[str, str]:
    """States of a sweep's trials, by their runs' names without the sweep's."""
    listed = client.jobs.list(parent_job_name=name)
    return {str(child.name).removeprefix(name): str(child.status) for child in listed}


@pytest.mark.conformance("sweep: a standalone job runs its trials, streams its log and has the best trial's outputs")
def test_the_best_trial_is_found(
    client: MLClient, submit_sweep: SubmitSweep, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = submit_sweep(outputs={"model": {"type": "uri_folder", "name": "best-of-sweep", "version": "1"}})
    client.jobs.stream(job.name)
    printed = capsys.readouterr().out
    assert "azureml-logs/hyperdrive.txt" in printed
    assert f"Scheduling job, id='{job.name}_0'" in printed

    done = client.jobs.get(job.name)
    assert done.status == "Completed"
    assert by_name(client, job.name) == {"_0": "Completed", "_1": "Completed", "_2": "Completed"}
    told = {key: done.properties[key] for key in ("best_child_run_id", "score", "azureml.runsource", "space_size")}
    assert told == {
        "best_child_run_id": f"{job.name}_1", "score": "1.0", "azureml.runsource": "hyperdrive", "space_size": "3",
    }  # fmt: skip
    assert done.properties["primary_metric_config"] == '{"name": "score", "goal": "maximize"}'
    assert {name: done.tags[name] for name in done.tags if name.startswith(job.name)} == {
        f"{job.name}_{number}": f'{{"x": {number + 1}}}' for number in range(3)
    }

    client.jobs.download(job.name, download_path=tmp_path / "model", output_name="model")
    assert (tmp_path / "model" / "named-outputs" / "model" / "weights").read_text() == "2"
    client.jobs.download(job.name, download_path=tmp_path / "default", output_name="default")
    assert (tmp_path / "default" / "artifacts" / "outputs" / "note.txt").read_text() == "2"
    assert "training with 2.0 2" in (tmp_path / "default" / "artifacts" / "user_logs" / "std_log.txt").read_text()
    client.jobs.download(job.name, download_path=tmp_path / "all", all=True)
    assert (tmp_path / "all" / "hd-artifacts" / "azureml-logs" / "hyperdrive.txt").is_file()

    # The sweep's output is at the place that the job says, and the asset made of it, too.
    reader = command(
        command="cat ${{inputs.a}}/weights ${{inputs.b}}/weights | grep -x 22",
        inputs={
            "a": Input(type="uri_folder", path=done.outputs["model"].path),
            "b": Input(type="uri_folder", path="azureml:best-of-sweep:1"),
        },
        environment=f"{ENVIRONMENT}@latest",
        compute=COMPUTE,
        experiment_name="tests",
    )
    assert ended(client, client.jobs.create_or_update(reader).name) == "Completed"


@pytest.mark.conformance("sweep: command(...).sweep(...) of the SDK, random sampling, minimize")
def test_a_command_is_swept_with_the_sdk(client: MLClient, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        METRICS + 'log_metric("loss", float(sys.argv[1]) + int(sys.argv[2]))\nassert sys.argv[3] == "kept"\n'
    )
    base = command(
        code=str(tmp_path),
        command="python train.py ${{inputs.rate}} ${{inputs.layers}} ${{inputs.fixed}}",
        inputs={"rate": 0.5, "layers": 1, "fixed": "kept"},
        environment=f"{ENVIRONMENT}@latest",
        compute=COMPUTE,
        experiment_name="tests",
    )
    sweep = base(rate=Uniform(min_value=0.0, max_value=0.5), layers=Choice(values=[1, 2])).sweep(
        primary_metric="loss", goal="Minimize", sampling_algorithm="random", compute=COMPUTE
    )
    sweep.experiment_name = "tests"
    sweep.set_limits(max_total_trials=4, max_concurrent_trials=2, timeout=600)
    job = client.jobs.create_or_update(sweep)
    assert ended(client, job.name) == "Completed"
    done = client.jobs.get(job.name)
    samples = {name: yaml.safe_load(done.tags[name]) for name in done.tags if name.startswith(job.name)}
    best = min(samples, key=lambda name: samples[name]["rate"] + samples[name]["layers"])
    assert len(samples) == 4
    assert done.properties["best_child_run_id"] == best
    assert float(done.properties["score"]) == pytest.approx(samples[best]["rate"] + samples[best]["layers"])


@pytest.mark.conformance("sweep: a pipeline's node sweeps a component; its best outputs go on to the next node")
def test_a_node_hands_on_the_best_output(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    trainer = component(
        "python train.py ${{inputs.x}} ${{outputs.model}} ${{inputs.bias}}",
        name="trainer",
        version="1",
        code="code",
        inputs={"x": {"type": "integer", "default": 7}, "bias": {"type": "string"}},
        outputs={"model": {"type": "uri_folder"}},
    )
    job = submit(
        {
            "tune": {
                "type": "sweep",
                "trial": "./trainer.yaml",
                "inputs": {"bias": "${{parent.inputs.bias}}"},
                "outputs": {"model": "${{parent.outputs.best}}"},
                "sampling_algorithm": "grid",
                "search_space": {"x": {"type": "choice", "values": [3, 2]}},
                "objective": {"goal": "maximize", "primary_metric": "score"},
                "limits": {"max_total_trials": 2, "max_concurrent_trials": 2},
            },
            "use": node(
                "grep -x 2 ${{inputs.model}}/weights",
                inputs={"model": {"type": "uri_folder", "path": "${{parent.jobs.tune.outputs.model}}"}},
            ),
        },
        scripts={"train.py": TRAIN},
        components={"trainer": trainer},
        inputs={"bias": "none"},
        outputs={"best": {"type": "uri_folder"}},
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    tune = children(client, job.name)["tune"]
    assert tune.properties["best_child_run_id"] == f"{tune.name}_1"
    assert by_name(client, tune.name) == {"_0": "Completed", "_1": "Completed"}
    client.jobs.download(job.name, download_path=tmp_path, output_name="best")
    assert (tmp_path / "named-outputs" / "best" / "weights").read_text() == "2"


@pytest.mark.conformance("sweep: a bandit policy cancels a trial that falls behind")
def test_a_policy_ends_a_bad_trial(client: MLClient, submit_sweep: SubmitSweep) -> None:
    script = """
x = float(sys.argv[1])
for step in range(100 if x == 2 else 100_000):
    log_metric("score", x, step)
    if x != 2:
        time.sleep(0.1)
"""
    job = submit_sweep(
        METRICS + script,
        search_space={"x": {"type": "choice", "values": [1, 2]}},
        early_termination={"type": "bandit", "slack_factor": 0.1, "evaluation_interval": 2, "delay_evaluation": 3},
    )
    assert ended(client, job.name) == "Completed"
    assert by_name(client, job.name) == {"_0": "Canceled", "_1": "Completed"}
    assert client.jobs.get(job.name).properties["best_child_run_id"] == f"{job.name}_1"


@pytest.mark.conformance("sweep: canceling it ends all of its trials")
def test_canceling_ends_all_trials(client: MLClient, submit_sweep: SubmitSweep, tmp_path: Path) -> None:
    job = submit_sweep(
        f"import os, pathlib, time\npathlib.Path({str(tmp_path)!r}, f'pid-{{os.getpid()}}').touch()\ntime.sleep(600)"
    )
    until("two trials to run", lambda: len(list(tmp_path.glob("pid-*"))) == 2)
    client.jobs.begin_cancel(job.name).result()
    assert client.jobs.get(job.name).status == "Canceled"
    assert by_name(client, job.name) == {"_0": "Canceled", "_1": "Canceled"}
    assert not [file for file in tmp_path.glob("pid-*") if alive(file.name.removeprefix("pid-"))]


@pytest.mark.conformance("sweep: limits on the time of a trial and of the whole")
def test_time_limits_cancel(client: MLClient, submit_sweep: SubmitSweep) -> None:
    slow = TRAIN + "\ntime.sleep(600 if x == 1 else 0)\n"
    trials = submit_sweep(slow, seconds={"trial_timeout": 1})
    whole = submit_sweep(METRICS + "time.sleep(600)", seconds={"timeout": 2})
    assert ended(client, trials.name) == "Completed"
    assert by_name(client, trials.name) == {"_0": "Canceled", "_1": "Completed", "_2": "Completed"}
    assert ended(client, whole.name) == "Canceled"
    assert set(by_name(client, whole.name).values()) == {"Canceled"}


@pytest.mark.conformance("sweep: a metric that no trial logs is told by name")
def test_a_metric_that_nobody_logs(client: MLClient, submit_sweep: SubmitSweep) -> None:
    job = submit_sweep(objective={"goal": "maximize", "primary_metric": "accuracy"})
    assert ended(client, job.name) == "Failed"
    assert "No child run logged the primary metric 'accuracy'" in failure(client, job.name)
    assert "what it logged: score" in failure(client, job.name)


@pytest.mark.conformance("sweep: it fails with a trial's error if all trials fail, and completes if some do")
def test_failed_trials(client: MLClient, submit_sweep: SubmitSweep) -> None:
    some = submit_sweep(TRAIN + "\nassert x != 2, 'two is wrong'")
    every = submit_sweep("raise SystemExit('broken by intent')")
    assert ended(client, some.name) == "Completed"
    assert by_name(client, some.name)["_1"] == "Failed"
    assert client.jobs.get(some.name).properties["best_child_run_id"] in {f"{some.name}_0", f"{some.name}_2"}
    assert ended(client, every.name) == "Failed"
    assert "User errors were found in at least one of the child runs" in failure(client, every.name)
    assert "broken by intent" in failure(client, every.name)
    with pytest.raises(JobException, match="broken by intent"):
        client.jobs.stream(every.name)


@pytest.mark.conformance("sweep: what Azure refuses is refused at submission")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"trial": {"command": "echo ${{search_space.y}}"}},
            r"the command uses \$\{\{search_space\.y\}\}, but y is not among its search_space",
        ),
        ({"search_space": {"x": {"type": "uniform", "min_value": 0, "max_value": 1}}}, "grid sampling only supports"),
        ({"limits": {"max_total_trials": 1001}}, "an integer between 1 and 1000"),
        ({"limits": {"max_total_trials": 1, "max_concurrent_trials": 2}}, "more than max_total_trials"),
        (
            {"sampling_algorithm": "bayesian", "early_termination": {"type": "bandit", "slack_factor": 1}},
            "Bayesian sampling does not support early termination",
        ),
        ({"early_termination": {"type": "truncation_selection", "truncation_percentage": 0}}, "between 1 and 99"),
    ],
)
def test_a_bad_sweep_is_refused(submit_sweep: SubmitSweep, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(HttpResponseError, match=message):
        submit_sweep(**fields)


@pytest.mark.conformance("sweep: hyperparameters that the trial's component cannot take are refused")
@pytest.mark.parametrize(
    ("port", "values", "message"),
    [
        ({"type": "integer"}, ["many"], "x is 'many', not of type integer"),
        ({"type": "integer", "max": 3}, [1, 4], "x is 4, more than the maximum 3"),
        ({"type": "uri_folder"}, ["a"], "the trial's input x is of type uri_folder, not a value"),
    ],
)
def test_a_bad_hyperparameter_is_refused(
    submit: Submit, port: dict[str, object], values: list[object], message: str
) -> None:
    tune = {
        "type": "sweep",
        "trial": "./trainer.yaml",
        "sampling_algorithm": "grid",
        "search_space": {"x": {"type": "choice", "values": values}},
        "objective": {"goal": "maximize", "primary_metric": "score"},
        "limits": {"max_total_trials": 1},
    }
    trainer = component("echo ${{inputs.x}}", name="trainer", version="1", inputs={"x": port})
    with pytest.raises(HttpResponseError, match=message):
        submit({"tune": tune}, components={"trainer": trainer})
