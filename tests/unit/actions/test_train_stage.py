"""`mlops run train` is train.yml: the same steps in the same order, wired the same way, with the same inputs."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from docstring_parser import parse

from mlops_actions.azure import SignIn
from mlops_actions.cli import ACTIONS, action_function, kebab
from mlops_actions.github import as_output
from mlops_actions.stages.steps import Step
from mlops_actions.stages.train import TRAIN, train

ROOT = Path(__file__).parents[3]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/train.yml").read_text())
INPUTS: dict[str, dict[str, Any]] = WORKFLOW[True]["workflow_call"]["inputs"]  # YAML 1.1 takes `on` for a boolean
USES = "./.mlops-actions/actions/"
STEPS = [step for step in WORKFLOW["jobs"]["train"]["steps"] if step.get("uses", "").startswith(USES)]
SIGN_IN = {kebab(field.name) for field in fields(SignIn)}
A_RUNNERS = {"runs-on", "job-timeout-minutes"}
SAID_OTHERWISE = {"job-name", "cancel-on-interrupt"}
"""Inputs that a laptop has in other words: it has no run id, and no workflow that is cancelled."""

pairs = pytest.mark.parametrize(
    ("step", "written"), list(zip(TRAIN.steps, STEPS, strict=True)), ids=[step.name for step in TRAIN.steps]
)


def test_the_steps_and_their_order() -> None:
    assert [(step.title, step.action) for step in TRAIN.steps] == [
        (written["name"], written["uses"].removeprefix(USES)) for written in STEPS
    ]


@pairs
def test_the_wiring(step: Step, written: dict[str, Any]) -> None:
    own = {name: value for name, value in written["with"].items() if name not in SIGN_IN}
    taken = {kebab(name): f"${{{{ inputs.{kebab(source)} }}}}" for name, source in step.takes.items()}
    assert own == {**taken, **step.fixed}
    assert not step.made
    assert {name: written["with"][name] for name in SIGN_IN} == {
        name: "${{ secrets.AZURE_CREDENTIALS }}" if name == "azure-credentials" else f"${{{{ inputs.{name} }}}}"
        for name in SIGN_IN
    }


@pairs
def test_names_and_conditions(step: Step, written: dict[str, Any]) -> None:
    assert written.get("id", step.name) == step.name
    given = " || ".join(f"inputs.{kebab(name)} != ''" for name in step.when)
    expected = given
    if step.cleans_up:
        begun = f"(steps.{step.cleans_up}.outcome != 'skipped' || github.run_attempt > 1)"
        expected = f"always() && inputs.{kebab(step.switch)} && ({given}) && {begun}"
    assert " ".join(str(written.get("if", "")).split()) == expected


@pairs
def test_the_action_has_what_it_is_given(step: Step, written: dict[str, Any]) -> None:
    assert step.action in ACTIONS
    assert {*step.takes, *step.fixed} <= set(inspect.signature(action_function(step.action)).parameters)


def test_the_outputs_are_those_of_one_step() -> None:
    outputs = WORKFLOW["jobs"]["train"]["outputs"].values()
    assert {re.match(r"\$\{\{ steps\.(\w+)\.outputs\.", text)[1] for text in outputs} == {TRAIN.outputs}  # type: ignore[index]


def parameters() -> dict[str, inspect.Parameter]:
    known = inspect.signature(train).parameters
    return {kebab(name): one for name, one in known.items() if name not in ("progress", "sign_in")}


def test_the_inputs_and_their_defaults() -> None:
    expected = {
        name: as_output(one["default"]) if "default" in one else ""
        for name, one in INPUTS.items()
        if name not in SIGN_IN | A_RUNNERS
    }
    defaults = {name: as_output(one.default or "") if one.default in (None, ()) else as_output(one.default)
                for name, one in parameters().items()}  # fmt: skip
    assert defaults == expected
    assert list(defaults) == [name for name in INPUTS if name in defaults], "in another order"


def test_the_inputs_descriptions() -> None:
    told = {kebab(one.arg_name): " ".join((one.description or "").split()) for one in parse(train.__doc__ or "").params}
    for name in parameters().keys() - SAID_OTHERWISE:
        assert f"{told[name][0].upper()}{told[name][1:]}." == INPUTS[name]["description"]
