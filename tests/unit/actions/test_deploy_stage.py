"""`mlops run deploy` is deploy.yml: the same steps in the same order, wired the same way, with the same inputs."""

from __future__ import annotations

import inspect
import subprocess
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from docstring_parser import parse

from mlops_actions import cli
from mlops_actions.azure import SignIn
from mlops_actions.cli import action_function, kebab
from mlops_actions.github import as_output
from mlops_actions.stages.deploy import deploy
from mlops_actions.stages.deploy_steps import DEPLOY, commit
from mlops_actions.stages.progress import Progress
from mlops_actions.stages.steps import Step

ROOT = Path(__file__).parents[3]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())
INPUTS: dict[str, dict[str, Any]] = WORKFLOW[True]["workflow_call"]["inputs"]  # YAML 1.1 takes `on` for a boolean
USES = "./.mlops-actions/actions/"
STEPS = [
    (job, step) for job in WORKFLOW["jobs"].values() for step in job["steps"] if step.get("uses", "").startswith(USES)
]  # fmt: skip
SIGN_IN = {kebab(field.name) for field in fields(SignIn)}
A_RUNNERS = {"runs-on", "deploy-runs-on", "environment", "gate-environment", "artifact"}
SAID_OTHERWISE = {"tags"}
HERE = {"kubeconfig"}
"""What a laptop has by itself: kubectl finds it."""

pairs = pytest.mark.parametrize(
    ("step", "written"),
    [(step, written) for step, (_, written) in zip(DEPLOY.steps, STEPS, strict=True)],
    ids=[step.name for step in DEPLOY.steps],
)


def test_the_steps_and_their_order() -> None:
    assert [(step.title, step.action) for step in DEPLOY.steps] == [
        (written["name"], written["uses"].removeprefix(USES)) for _, written in STEPS
    ]


@pairs
def test_the_wiring(step: Step, written: dict[str, Any]) -> None:
    own = {name: str(value) for name, value in written["with"].items() if name not in SIGN_IN | HERE}
    made = {kebab(name) for name in step.made}
    # A runner has the folder from another one, as an artifact.
    folder = {"context"} if step.name == "build" else set()
    taken = {kebab(name): f"${{{{ inputs.{kebab(source)} }}}}" for name, source in step.takes.items()}
    assert own.keys() == taken.keys() | step.fixed.keys() | made
    assert {name: own[name] for name in own.keys() - made - folder} == {
        name: value for name, value in {**taken, **step.fixed}.items() if name not in folder
    }


@pairs
def test_the_action_has_what_it_is_given(step: Step, written: dict[str, Any]) -> None:
    assert {*step.takes, *step.fixed, *step.made} <= set(inspect.signature(action_function(step.action)).parameters)


def test_conditions() -> None:
    jobs = WORKFLOW["jobs"]
    gate, stop, *rest = DEPLOY.steps
    assert jobs["gate"]["if"] == " || ".join(f"inputs.{name} != ''" for name in gate.when)
    (written,) = (step for _, step in STEPS if step["name"] == stop.title)
    given = " || ".join(f"inputs.{kebab(name)} != ''" for name in stop.when)
    measured = "steps.gate.outputs.verdict == '' || steps.gate.outputs.evaluation-job != ''"
    assert " ".join(written["if"].split()) == (
        f"always() && steps.{stop.cleans_up}.outcome != 'skipped' && ({given}) && ({measured})"
    )
    assert "needs.gate.outputs.verdict == 'accepted'" in jobs["fetch"]["if"]
    assert all(step.unless({"gate": {"verdict": "refused"}}) for step in rest)
    assert not any(step.unless({"gate": {"verdict": "accepted"}}) or step.unless({}) for step in rest)
    assert stop.unless({"gate": {"verdict": "refused", "evaluation-job": ""}})
    assert not stop.unless({"gate": {"verdict": "refused", "evaluation-job": "j"}})
    assert not stop.unless({"gate": {}})


def parameters() -> dict[str, inspect.Parameter]:
    known = inspect.signature(deploy).parameters
    return {kebab(name): one for name, one in known.items() if name not in ("progress", "sign_in")}


def test_the_inputs_and_their_defaults() -> None:
    expected = {name: as_output(one.get("default")) for name, one in INPUTS.items() if name not in SIGN_IN | A_RUNNERS}
    defaults = {name: "" if one.default == () else as_output(one.default) for name, one in parameters().items()}
    assert defaults == expected
    assert list(defaults) == [name for name in INPUTS if name in defaults], "in another order"
    assert {name for name, one in INPUTS.items() if one.get("required")} - SIGN_IN == set(map(kebab, DEPLOY.required))


def test_the_inputs_descriptions() -> None:
    told = {
        kebab(one.arg_name): " ".join((one.description or "").split()) for one in parse(deploy.__doc__ or "").params
    }
    for name in parameters().keys() - SAID_OTHERWISE:
        assert f"{told[name][0].upper()}{told[name][1:]}." == INPUTS[name]["description"]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """What the actions are called with; each puts out what the others are to take."""
    seen: dict[str, dict[str, Any]] = {}
    outputs = {
        "gate-model": {"verdict": "accepted", "name": "animals", "version": "7"},
        "fetch-model": {"name": "animals", "version": "7", "job-name": "job-7"},
        "build-image": {"ref": "registry/app@sha256:1"},
        "kube-deploy": {"url": "http://here"},
    }

    def function(command: str) -> Callable[..., str]:
        def probe(**given: Any) -> str:
            seen[command] = given
            return command

        return probe

    monkeypatch.setattr(cli, "action_function", function)
    monkeypatch.setattr(cli, "outputs_of", lambda command: outputs[command])
    for name in ("REGISTRY_USERNAME", "REGISTRY_PASSWORD", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return seen


GIVEN: dict[str, Any] = {
    "model_name": "animals",
    "model_version": "latest",
    "image": "registry/app",
    "manifests": Path("k8s"),
}


def test_what_the_steps_hand_on(called: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (
        ["git", "init", "--quiet"],
        ["git", "-c", "user.name=me", "-c", "user.email=me@here", "commit", "--quiet", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(command, check=True)
    here = commit()
    assert len(here) == 40
    monkeypatch.setenv("REGISTRY_USERNAME", "robot")
    monkeypatch.setenv("REGISTRY_PASSWORD", "secret-2f1c")
    assert deploy(**GIVEN, build_args={"MODE": "x"}, base_image="debian", require=("accuracy >= 0.8",)) == 0
    assert called["fetch-model"] == {"name": "animals", "version": "7", "path": Path("inference/model")}
    assert called["build-image"] == {
        "context": Path("inference"),
        "file": Path("inference/Dockerfile"),
        "image": "registry/app",
        "tags": ("laptop",),
        "username": "robot",
        "password": "secret-2f1c",
        "build_args": {
            "BASE_IMAGE": "debian",
            "GIT_COMMIT": here,
            "AZUREML_JOB": "job-7",
            "MODEL_NAME": "animals",
            "MODEL_VERSION": "7",
            "MODE": "x",
        },
        "labels": {
            "org.opencontainers.image.revision": here,
            "azureml.job": "job-7",
            "azureml.model.name": "animals",
            "azureml.model.version": "7",
        },
    }
    assert called["kube-deploy"] == {
        "manifests": Path("k8s"),
        "image": "registry/app@sha256:1",
        "timeout_minutes": 10,
        "annotations": {
            "mlops-actions/commit": here,
            "mlops-actions/job": "job-7",
            "mlops-actions/model-name": "animals",
            "mlops-actions/model-version": "7",
        },
    }
    assert "secret-2f1c" not in Path(".mlops/deploy.json").read_text()


def test_a_refused_model_is_not_deployed(called: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "outputs_of", lambda _: {"verdict": "refused", "evaluation-job": "e"})
    assert deploy(**GIVEN, champion="deployed", on_refusal="neutral", evaluation_compute="c") == 0
    assert list(called) == ["gate-model", "ensure-compute"]
    assert deploy(progress=Progress(resume=True)) == 0
    assert list(called) == ["gate-model", "ensure-compute"]


def test_it_goes_on_behind_a_gate_that_was_not_asked_for(
    called: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: str) -> dict[str, str]:
        raise cli.ActionError(f"no {command}")

    working = cli.outputs_of
    monkeypatch.setattr(cli, "outputs_of", lambda command: (fail if command == "build-image" else working)(command))
    assert deploy(**GIVEN, evaluation_compute="c") == 1
    assert list(called) == ["fetch-model", "build-image"]
    called.clear()
    monkeypatch.setattr(cli, "outputs_of", working)
    assert deploy(progress=Progress(resume=True)) == 0
    assert list(called) == ["build-image", "kube-deploy"]


def test_what_is_not_given_is_named(called: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(cli.ActionError, match=r"manifests is not given, nor does \.mlops/deploy\.json have it"):
        deploy(model_name="animals", model_version="1", image="x")


def test_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert commit() == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit() == ""
