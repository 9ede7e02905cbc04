"""gate-model against the emulator: requirements, a champion to beat on the candidate's test data, and the tags.

A model is a threshold, its test data are numbers whose labels say whether they are above 5, and one script measures, in
trainings and in evaluations alike.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Model

from mlops_actions.gate.contest import Service
from mlops_actions.kube.deployed import ServedModel
from tests.integration.emulator_faults.conftest import Arm, arm, control

from .conftest import COMPUTE, COMPUTE_YAML, REGISTER, Action, Ran, WriteYaml, node, pipeline

__all__ = ["arm", "control"]

MEASURE = """
import hashlib, json, os, pathlib, sys, time, urllib.request

def log(what, **entry):
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-" + what,
        json.dumps({"run_id": os.environ["MLFLOW_RUN_ID"], **entry}).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]},
    )
    urllib.request.urlopen(request).read()

content = (pathlib.Path(sys.argv[1]) / "numbers.txt").read_text()
threshold = float(next(pathlib.Path(sys.argv[2]).rglob("threshold.txt")).read_text())
numbers = [float(line) for line in content.split()]
accuracy = sum((number > threshold) == (number > 5) for number in numbers) / len(numbers)
for key, value in {"accuracy": accuracy, "loss": "NaN", "steps/second": 12}.items():
    log("metric", key=key, value=value, timestamp=int(time.time() * 1000))
if "no-fingerprint" not in sys.argv:
    log("parameter", key="test_data_sha256", value=hashlib.sha256(content.encode()).hexdigest())
"""

pytestmark = pytest.mark.usefixtures("workspace")


@dataclass(frozen=True)
class Trainer:
    """Trains and registers models of one name."""

    action: Action
    write_yaml: WriteYaml
    name: str

    def train(self, threshold: float, numbers: str = "1 2 3 4 5 6 7 8 9 10", flags: str = "") -> str:
        """The version of a model with that threshold, tested on those numbers."""
        self.write_yaml("code/measure.py", MEASURE)
        write = "echo ${{inputs.numbers}} > ${{outputs.test_data}}/numbers.txt"
        split = node(
            write,
            inputs={"numbers": "${{parent.inputs.numbers}}"},
            outputs={"test_data": {"type": "uri_folder"}},
        )
        train = node(
            f"echo ${{{{inputs.threshold}}}} > ${{{{outputs.model}}}}/threshold.txt; "
            f"python measure.py ${{{{inputs.data}}}} ${{{{outputs.model}}}} {flags}",
            code="code",
            inputs={"data": "${{parent.jobs.split.outputs.test_data}}", "threshold": "${{parent.inputs.threshold}}"},
            outputs={"model": {"type": "uri_folder"}},
        )
        register = {
            "type": "command",
            "component": REGISTER,
            "inputs": {
                "model_name": self.name,
                "model_type": "custom_model",
                "model_path": "${{parent.jobs.train.outputs.model}}",
            },
            "outputs": {"registration_details_folder": "${{parent.outputs.details}}"},
        }
        document = pipeline(
            {"split": split, "train": train, "register": register},
            inputs={"threshold": str(threshold), "numbers": numbers},
            outputs={"details": {"type": "uri_folder"}},
        )
        job = f"train-{uuid.uuid4().hex[:8]}"
        ran = self.action("run-aml-pipeline", file=self.write_yaml("training.yaml", document), job_name=job)
        assert ran.status == 0, ran.log
        return ran.outputs["model-version"]

    def gate(self, version: str, **inputs: object) -> Ran:
        return self.action("gate-model", name=self.name, version=version, **inputs)


@pytest.fixture
def trainer(action: Action, write_yaml: WriteYaml) -> Trainer:
    return Trainer(action, write_yaml, f"threshold-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def evaluation(write_yaml: WriteYaml) -> Path:
    return write_yaml("evaluation.yaml", evaluating())


def evaluating(**replaced: dict[str, Any]) -> dict[str, object]:
    """The YAML of the pipeline that measures two models, with nodes replaced."""
    write = "python measure.py ${{inputs.data}} ${{inputs.model}}"
    jobs = {
        who: node(
            write,
            code="code",
            inputs={"data": "${{parent.inputs.test_data}}", "model": f"${{{{parent.inputs.{who}}}}}"},
        )
        for who in ("champion", "candidate")
    }
    inputs = {who: {"type": "custom_model"} for who in ("champion", "candidate")}
    return pipeline(jobs | replaced, inputs={**inputs, "test_data": {"type": "uri_folder"}})


def tags(ml_client: MLClient, trainer: Trainer, version: str) -> dict[str, str]:
    return dict(ml_client.models.get(trainer.name, version).tags)


def test_requirements(trainer: Trainer, ml_client: MLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    version = trainer.train(4)
    before = tags(ml_client, trainer, version)
    ran = trainer.gate(version, require="accuracy >= 0.8\n\nabs(accuracy - 0.9) < 0.01 and steps_second > 3\n")
    assert ran.status == 0, ran.log
    assert (ran.outputs["verdict"], ran.outputs["name"], ran.outputs["version"]) == ("accepted", trainer.name, version)
    assert json.loads(ran.outputs["metrics"]) == {"accuracy": 0.9, "loss": None, "steps/second": 12.0}
    assert json.loads(ran.outputs["reasons"])[0] == "accuracy >= 0.8 is met (accuracy = 0.9)"
    assert f"model {trainer.name}:{version} is accepted: accuracy >= 0.8 is met" in ran.log
    assert f"### Model {trainer.name}:{version}: accepted" in ran.summary
    assert "| accuracy >= 0.8 | accuracy = 0.9 | ✅ met |" in ran.summary
    noted = tags(ml_client, trainer, version)
    assert noted == before | {
        "gate-verdict": "accepted",
        "gate-reasons": "; ".join(json.loads(ran.outputs["reasons"])),
        "gate-run": before["run-url"],
        "gate-champion": "none",
    }

    # A verdict that is the other one takes the place of the former.
    refused = trainer.gate(version, require="accuracy >= 0.8\naccuracy > 0.95\nloss < 1")
    assert refused.error.startswith(f"::error::model {trainer.name}:{version} is refused: accuracy > 0.95 is not met")
    assert refused.outputs["verdict"] == "refused"
    reasons = json.loads(refused.outputs["reasons"])
    assert reasons == [
        "accuracy > 0.95 is not met (accuracy = 0.9)",
        "loss < 1 is not met (loss = not a finite number; loss cannot be compared)",
    ]
    assert "| accuracy > 0.95 | accuracy = 0.9 | ❌ not met |" in refused.summary
    noted = tags(ml_client, trainer, version)
    assert (noted["gate-verdict"], noted["gate-reasons"]) == ("refused", "; ".join(reasons))
    assert before.items() <= noted.items()

    neutral = trainer.gate(version, require="accuracy > 0.95", on_refusal="neutral")
    assert (neutral.status, neutral.outputs["verdict"]) == (0, "refused")
    assert f"::warning::model {trainer.name}:{version} is refused: accuracy > 0.95 is not met" in neutral.log

    wrong = trainer.gate(version, require="accuracy > 0\nauc > 0", on_refusal="neutral")
    assert wrong.error == (
        "::error::require, line 2 (auc > 0): there is no metric 'auc'; there are accuracy, loss, steps_second"
    )
    assert wrong.outputs == {}
    assert tags(ml_client, trainer, version)["gate-verdict"] == "refused", "no verdict writes over another"


def test_a_model_that_no_job_made(trainer: Trainer, ml_client: MLClient, tmp_path: Path, arm: Arm) -> None:
    (tmp_path / "model.bin").write_text("weights")
    ml_client.models.create_or_update(Model(name=trainer.name, version="1", path=str(tmp_path / "model.bin")))
    require = "accuracy >= 0.8"
    ran = trainer.gate("latest", require=require)
    assert f"the metrics of {trainer.name}:1 are not known: it has no tag `job`" in ran.error
    given = trainer.gate("latest", require=require, metrics='{"accuracy": 0.85, "loss": NaN}')
    assert (given.outputs["verdict"], given.outputs["version"]) == ("accepted", "1")
    assert json.loads(given.outputs["metrics"]) == {"accuracy": 0.85, "loss": None}
    arm("status", status=403, route=f"PUT models/{trainer.name}/versions/*", count=1)
    unwritten = trainer.gate("1", require="accuracy > 0.9", metrics='{"accuracy": 0.85}')
    assert f"model {trainer.name}:1 is refused, but its tags could not be written: " in unwritten.error
    assert unwritten.outputs == {}
    model = ml_client.models.get(trainer.name, "1")
    assert model.tags["gate-verdict"] == "accepted"
    model.tags = {"job": "../computes/somebodys"}
    ml_client.models.create_or_update(model)
    assert "does not say which job it is from, by its tag `job`" in trainer.gate("1", require=require).error
    assert "metrics is not JSON" in trainer.gate("1", require=require, metrics="accuracy=0.85").error
    assert f"model {trainer.name}:7 does not exist" in trainer.gate("7", require=require).error


def test_the_champion_is_measured_on_the_candidates_data(
    trainer: Trainer, evaluation: Path, ml_client: MLClient
) -> None:
    # The champion was perfect on test data of its own, and is not on the candidate's.
    champion = trainer.train(3, "1 2 8 9")
    candidate = trainer.train(4, "1 3.5 4 4.5 5 6 7 8 9 10")
    against = {"champion": champion, "compare": "accuracy", "test_data": "split/test_data", "evaluation": evaluation}
    trainer.action("ensure-compute", name=COMPUTE, state="stopped")
    given = trainer.write_yaml("given/compute.yaml", COMPUTE_YAML)
    ran = trainer.gate(candidate, **against, margin="0.1", compute_file=given, require="accuracy > 0.5")
    assert ran.status == 0, ran.log
    assert ran.outputs["verdict"] == "accepted"
    assert (ran.outputs["candidate-value"], ran.outputs["champion-value"]) == ("0.8", "0.6")
    assert (ran.outputs["champion-name"], ran.outputs["champion-version"]) == (trainer.name, champion)
    job = ran.outputs["evaluation-job"]
    assert job.startswith(f"evaluation-{candidate}-against-{champion}-")
    assert f"Job {job} measured both on split/test_data of job train-" in ran.summary
    assert "| candidate = 0.8, champion = 0.6 | ✅ met |" in ran.summary
    noted = tags(ml_client, trainer, candidate)
    assert (noted["gate-verdict"], noted["gate-champion"]) == ("accepted", f"{trainer.name}:{champion}")

    # Once more in the same run of a workflow: the same job, the same tags, and no machine that is started for it.
    trainer.action("ensure-compute", name=COMPUTE, state="stopped")
    again = trainer.gate(candidate, **against, margin="0.1", require="accuracy > 0.5", compute_file=given)
    assert again.outputs == ran.outputs
    assert f"job {job} exists (Completed): it is followed, not submitted again" in again.log
    assert tags(ml_client, trainer, candidate) == noted
    assert trainer.action("ensure-compute", name=COMPUTE, state="stopped").outputs["changed"] == "false"
    trainer.action("ensure-compute", name=COMPUTE)

    # By more than it is better, or the other way round, it is refused.
    more = trainer.gate(candidate, **against, margin="0.3")
    assert more.outputs["verdict"] == "refused"
    assert "accuracy 0.8 is 0.2 better than the champion's 0.6" in more.error
    assert "the margin is 0.3" in more.error
    lower = trainer.gate(candidate, **against, higher_is_better="false", on_refusal="neutral")
    assert (lower.status, lower.outputs["verdict"]) == (0, "refused")

    # What is refused already is not measured.
    unmeasured = trainer.gate(candidate, **against, require="accuracy > 0.99")
    assert unmeasured.outputs["evaluation-job"] == ""
    assert "it was not compared" in json.loads(unmeasured.outputs["reasons"])[1]

    for itself in (trainer.gate(champion, **against), trainer.gate(candidate, **{**against, "champion": "latest"})):
        assert (itself.outputs["verdict"], itself.outputs["evaluation-job"]) == ("accepted", "")

    for test_data, problem in {
        "splot/test_data": "has no node 'splot'; it has split, train, register",
        "split/tests": "has no output 'tests'",
        "split": "is not <node>/<output>",
    }.items():
        assert problem in trainer.gate(candidate, **{**against, "test_data": test_data}).error


def test_an_evaluation_has_to_prove_what_it_measured_on(trainer: Trainer) -> None:
    champion, candidate = trainer.train(3), trainer.train(4)
    inputs = {"champion": champion, "compare": "accuracy", "test_data": "split/test_data"}
    other = "mkdir d; echo 1 9 > d/numbers.txt; python measure.py d ${{inputs.model}}"
    model = {"model": "${{parent.inputs.champion}}"}
    data = {**model, "data": "${{parent.inputs.test_data}}"}
    fraud = evaluating(champion=node(f"{other}  # ${{{{inputs.data}}}}", code="code", inputs=data))
    ran = trainer.gate(candidate, **inputs, evaluation=trainer.write_yaml("fraud.yaml", fraud))
    assert "measured the two models on different data (test_data_sha256)" in ran.error
    assert ran.outputs == {}

    lazy = evaluating(champion=node(other, code="code", inputs=model))
    ran = trainer.gate(candidate, **inputs, evaluation=trainer.write_yaml("lazy.yaml", lazy))
    assert "is to take parent.inputs.champion and parent.inputs.test_data; it takes champion" in ran.error

    # An alias of YAML's makes one input of two, so that a model would be measured against itself.
    text = yaml.safe_dump(evaluating(), sort_keys=False)
    aliased = text.replace("  champion:\n    type: custom_model\n", "  champion: &model\n    type: custom_model\n")
    aliased = aliased.replace("  candidate:\n    type: custom_model\n", "  candidate: *model\n")
    ran = trainer.gate(candidate, **inputs, evaluation=trainer.write_yaml("aliased.yaml", aliased))
    assert f"as its input champion, and not model {trainer.name}:{champion}" in ran.error

    silent = evaluating(champion=node(f"{other} no-fingerprint # ${{{{inputs.data}}}}", code="code", inputs=data))
    ran = trainer.gate(candidate, **inputs, evaluation=trainer.write_yaml("silent.yaml", silent))
    assert "does not prove what it measured on" in ran.error

    broken = evaluating(champion=node("echo no such model >&2; exit 3"))
    ran = trainer.gate(candidate, **inputs, evaluation=trainer.write_yaml("broken.yaml", broken))
    assert "the models were not measured: job broken-" in ran.error
    assert "no such model" in ran.error

    ran = trainer.gate(candidate, **{**inputs, "compare": "auc"}, evaluation=trainer.write_yaml("e.yaml", evaluating()))
    assert "logged no metric 'auc' (compare); it logged accuracy, loss, steps/second" in ran.error


def test_what_the_trainings_recorded_counts_if_the_data_was_the_same(trainer: Trainer, ml_client: MLClient) -> None:
    first, second, elsewhere = trainer.train(3), trainer.train(4), trainer.train(4, "1 9")
    unknown = trainer.train(4, flags="no-fingerprint")
    better = trainer.gate(second, champion=first, compare="accuracy", margin="0.1")
    assert (better.status, better.outputs["verdict"]) == (0, "accepted"), better.log
    assert (better.outputs["candidate-value"], better.outputs["champion-value"]) == ("0.9", "0.8")
    assert "Their trainings tested both on the same data" in better.summary
    worse = trainer.gate(first, champion=second, compare="accuracy", margin="-0.05")
    assert "accuracy 0.8 is 0.1 worse than the champion's 0.9" in worse.error
    assert trainer.gate(first, champion=second, compare="accuracy", margin="-0.1").outputs["verdict"] == "accepted"

    other = trainer.gate(second, champion=elsewhere, compare="accuracy")
    assert other.outputs["verdict"] == "refused"
    assert "the test_data_sha256 of candidate and champion differ" in other.error
    silent = trainer.gate(second, champion=unknown, compare="accuracy")
    assert "the champion did not record a test_data_sha256" in silent.error

    # Whoever knows it otherwise may say so in a tag.
    entity = ml_client.models.get(trainer.name, unknown)
    entity.tags = {**entity.tags, "test_data_sha256": digest("1 2 3 4 5 6 7 8 9 10")}
    ml_client.models.create_or_update(entity)
    assert trainer.gate(second, champion=unknown, compare="accuracy").outputs["verdict"] == "accepted"

    assert "recorded no metric 'auc' (compare)" in trainer.gate(second, champion=first, compare="auc").error
    gone = trainer.gate(second, champion="99", compare="accuracy")
    assert f"model {trainer.name}:99 does not exist" in gone.error


def test_the_model_that_is_deployed(trainer: Trainer, ml_client: MLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cluster says is tried on a real one in tests/cluster; here, what is made of it."""
    first, second = trainer.train(3), trainer.train(4)
    jobs = {version: tags(ml_client, trainer, version)["job"] for version in (first, second)}

    def gate(version: str, served: ServedModel | None) -> Ran:
        monkeypatch.setattr(Service, "served", lambda _: ("Deployment web", served))
        return trainer.gate(version, champion="deployed", compare="accuracy")

    nothing = gate(second, None)
    assert (nothing.outputs["verdict"], nothing.outputs["champion-version"]) == ("accepted", "")
    assert json.loads(nothing.outputs["reasons"]) == ["there is no Deployment web yet: there is no champion to beat"]
    assert gate(second, ServedModel(trainer.name, first, jobs[first])).outputs["champion-value"] == "0.8"
    assert gate(first, ServedModel(trainer.name, second, None)).outputs["verdict"] == "refused"
    # A later job that reused all of the first one's nodes has registered nothing, and is the one in the tag.
    assert gate(first, ServedModel(trainer.name, first, jobs[second])).outputs["verdict"] == "accepted"
    elsewhere = gate(second, ServedModel(trainer.name, first, "a-job-of-another-workspace"))
    assert (
        f"serves {trainer.name}:{first} of job a-job-of-another-workspace, which this workspace has" in elsewhere.error
    )
    gone = gate(second, ServedModel(trainer.name, "77", jobs[first]))
    assert f"serves a model that cannot be compared with: model {trainer.name}:77 does not exist" in gone.error


def digest(numbers: str) -> str:
    """The fingerprint that the measuring script logs."""
    return hashlib.sha256(f"{numbers}\n".encode()).hexdigest()


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"require": ""}, "there is nothing to hold the model against"),
        ({"champion": "1"}, "champion is given without compare"),
        ({"champion": "1", "compare": "accuracy", "margin": "nan"}, "margin is not a finite number"),
        (
            {"champion": "deployed", "compare": "accuracy", "evaluation": "e.yaml"},
            "evaluation is given without test-data",
        ),
        ({"require": "__import__('os').system('touch here') == 0"}, "require, line 1 (__import__('os')"),
        ({"require": "accuracy.__class__ > 0"}, "`accuracy.__class__` is not allowed"),
        ({"require": "x" * 60_000}, "it has 60000 characters, more than 500"),
        ({"require": "accuracy > 0", "name": ""}, "which model is meant?"),
    ],
)
def test_inputs_that_make_no_sense(action: Action, tmp_path: Path, inputs: dict[str, str], problem: str) -> None:
    ran = action("gate-model", **{"name": "animals", "version": "1", **inputs})
    assert problem in ran.error
    assert len(ran.error) < 400
    assert ran.outputs == {}
    assert not (tmp_path / "here").exists()
