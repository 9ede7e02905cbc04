"""docs/debugging.md and the help say what the commands do."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_type_hints

import pytest

from mlops_actions import cli, command_help
from mlops_actions.azure import SignIn
from mlops_actions.doctor import cluster, workspace
from mlops_actions.doctor.command import CHECKS

PAGE = (Path(__file__).parents[3] / "docs" / "debugging.md").read_text()


def flags(command: str) -> set[str]:
    function = cli.action_function(command)
    hints = get_type_hints(function)
    found = set()
    for name in inspect.signature(function).parameters:
        found |= {field.name for field in fields(hints[name])} if is_dataclass(hints[name]) else {name}
    return {cli.kebab(name) for name in found}


def test_the_example_has_every_check_in_order() -> None:
    shown = re.findall(r"^[✓!✗-] (\S+)", PAGE, re.MULTILINE)
    assert shown == [check.name for check in CHECKS]
    assert f"{len(CHECKS)} checks:" in PAGE
    assert f"all {sum(map(len, cluster.NEEDED.values()))} verbs" in PAGE
    assert set(re.findall(r"`([a-z.-]+)`", PAGE)) >= {name for check in CHECKS for name in (check.name, check.area)}


def test_its_flags_are_flags() -> None:
    known = set().union(*(flags(command) for command in [*cli.TOOLS, "ensure-compute"]))
    # Those of az and uv.
    others = {"assignee", "role", "scope", "extra"}
    assert set(re.findall(r"--([a-z][a-z-]*[a-z])", PAGE)) - others <= known


def test_every_action_of_azures_has_its_permissions() -> None:
    azures = {name for name in cli.ACTIONS if SignIn in get_type_hints(cli.action_function(name)).values()}
    assert set(workspace.NEEDED) == azures


def test_the_help_keeps_actions_and_tools_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    actions, tools = capsys.readouterr().out.split("tools for a laptop:")
    assert all(re.search(rf"^  {command} +[A-Z]", actions, re.MULTILINE) for command in cli.ACTIONS)
    assert all(re.search(rf"^  {command} +[A-Z]", tools, re.MULTILINE) for command in cli.TOOLS)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["ensure-computer"], "mlops has no command 'ensure-computer': did you mean 'ensure-compute'? There are "),
        (["docter", "--json"], "did you mean 'doctor'?"),
        (["run", "trian"], "mlops has no command 'run trian': did you mean 'run train'?"),
        (["run"], "mlops run needs one word more: run train, run deploy"),
        (["run", "--resume"], "mlops run needs one word more: run train, run deploy"),
        (["xyz"], "mlops has no command 'xyz': there are "),
    ],
)
def test_the_nearest_command(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert cli.run(arguments) == cli.USAGE
    said = capsys.readouterr()
    assert text in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "command", "rest"),
    [
        (["doctor"], "doctor", []),
        (["run", "train", "--list"], "run train", ["--list"]),
        (["ensure-compute", "x"], "ensure-compute", ["x"]),
        (["doctor", "train"], "doctor", ["train"]),
    ],
)
def test_commands_of_one_word_and_of_two(arguments: list[str], command: str, rest: list[str]) -> None:
    found, flags = command_help.split(arguments, [*cli.ACTIONS, *cli.TOOLS])
    assert (found, list(flags)) == (command, rest)


@pytest.mark.parametrize("command", list(cli.TOOLS))
def test_each_tool_describes_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"mlops {command}" in shown
    assert "--no-" not in shown
