"""action.yml and the action's function say the same: inputs, defaults, descriptions and outputs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from docstring_parser import parse

from mlops_actions.cli import ACTIONS, action_function, kebab
from mlops_actions.github import as_output

ROOT = Path(__file__).parents[2]


def definition(action: str) -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "actions" / action / "action.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def described(documented: Any) -> dict[str, str]:
    return {p.arg_name: " ".join((p.description or "").split()) for p in parse(documented.__doc__).params}


def parameters(action: str) -> Iterator[tuple[str, Any, str]]:
    """Name, default and description of each input, those that several actions share among them."""
    function = action_function(action)
    hints, texts = get_type_hints(function), described(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if is_dataclass(hints[name]):
            shared = described(hints[name])
            yield from ((field.name, field.default, shared[field.name]) for field in fields(hints[name]))
        else:
            yield name, parameter.default, texts[name]


def as_default(value: Any) -> str | None:
    if value is inspect.Parameter.empty:
        return None
    return "" if value in (None, ()) else as_output(value)


@pytest.mark.parametrize("action", ACTIONS)
def test_inputs(action: str) -> None:
    expected = {
        kebab(name): {"default": as_default(default), "description": text[0].upper() + text[1:].rstrip(".") + "."}
        for name, default, text in parameters(action)
    }
    given = {
        name: {"default": entry.get("default"), "description": entry["description"]}
        for name, entry in definition(action)["inputs"].items()
    }
    assert given == expected


@pytest.mark.parametrize("action", ACTIONS)
def test_an_input_without_a_default_is_required(action: str) -> None:
    inputs = definition(action)["inputs"]
    assert all(("default" in entry) is not entry.get("required", False) for entry in inputs.values())


@pytest.mark.parametrize("action", ACTIONS)
def test_outputs(action: str) -> None:
    result = get_type_hints(action_function(action))["return"]
    outputs = definition(action)["outputs"]
    assert list(outputs) == [kebab(field.name) for field in fields(result)]
    for name, entry in outputs.items():
        assert entry["description"].endswith(".")
        assert entry["value"] == "${{ steps.run.outputs." + name + " }}"


@pytest.mark.parametrize("action", ACTIONS)
def test_inputs_reach_the_command_whole_and_never_the_shell(action: str) -> None:
    *_, step = definition(action)["runs"]["steps"]
    assert step["env"] == {"INPUTS": "${{ toJSON(inputs) }}"}
    assert "${{" not in step["run"]
    assert step["run"].endswith(f" mlops {action}")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_cancelled_step_is_told_so(action: str) -> None:
    """The runner signals the step's own process, which has to be uv, which tells the command."""
    *_, step = definition(action)["runs"]["steps"]
    assert step["run"].startswith("exec uv run --frozen --no-default-groups ")


def test_every_action_has_a_command() -> None:
    assert {folder.parent.name for folder in (ROOT / "actions").glob("*/action.yml")} == set(ACTIONS)
