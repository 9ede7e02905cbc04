"""train.yml hands on what the actions in it can do, with the actions' own defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/train.yml").read_text())
INPUTS: dict[str, dict[str, Any]] = WORKFLOW[True]["workflow_call"]["inputs"]  # YAML 1.1 takes `on` for a boolean
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in WORKFLOW["jobs"]["train"]["steps"]}
ASSETS, START, PIPELINE, STOP = (
    "Register environments, components and data",
    "Start the compute",
    "Run the pipeline",
    "Stop the compute",
)
OWN_DEFAULTS = {
    # GitHub ends a job after 360 minutes, within which the other steps have to be done as well.
    "timeout-minutes"
}
LEFT_OUT = {
    ASSETS: {"dry-run"},  # without its assets the pipeline would not run
    START: {"only-if-idle"},  # is about stopping
    PIPELINE: set[str](),
    STOP: {"recreate", "on-difference"},  # are about starting
}


def action_inputs(step: str) -> dict[str, dict[str, Any]]:
    file = ROOT / STEPS[step]["uses"].removeprefix("./.mlops-actions/") / "action.yml"
    found: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["inputs"]
    return found


def handed_on(step: str) -> dict[str, str]:
    """The workflow's input by the input of the action that it is handed on as."""
    given = {
        name: re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", str(text)) for name, text in STEPS[step]["with"].items()
    }
    return {name: match[1] for name, match in given.items() if match}


@pytest.mark.parametrize("step", LEFT_OUT)
def test_every_input_of_the_actions_is_given(step: str) -> None:
    assert set(STEPS[step]["with"]) == set(action_inputs(step)) - LEFT_OUT[step]


@pytest.mark.parametrize("step", LEFT_OUT)
def test_defaults_are_the_actions_own(step: str) -> None:
    known = action_inputs(step)
    for name, ours in handed_on(step).items():
        if not INPUTS[ours].get("required") and ours not in OWN_DEFAULTS:
            default = INPUTS[ours]["default"]
            text = str(default).lower() if isinstance(default, bool) else str(default)
            assert text == str(known[name].get("default", "")), f"{ours} of train.yml, {name} of the action"


def test_no_input_of_the_workflow_is_of_no_use() -> None:
    text = (ROOT / ".github/workflows/train.yml").read_text()
    assert [name for name in INPUTS if not re.search(rf"\binputs\.{name}\b", text)] == []


def test_assets_come_before_the_machine_that_bills() -> None:
    names = list(STEPS)
    assert names.index(ASSETS) < names.index(START) < names.index(PIPELINE) < names.index(STOP)


def test_the_machine_is_stopped_whatever_happens() -> None:
    condition = STEPS[STOP]["if"]
    assert condition.startswith("always() && inputs.stop-compute")
    # A former attempt may have started it, though this one did not come to that.
    assert "github.run_attempt > 1" in condition
