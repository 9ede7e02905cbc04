"""The expressions of pipelines and commands: `${{parent.inputs.x}}`, `${{inputs.x}}`, `$[[ … ]]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SYSTEM_REGISTRY = re.compile(r"^azureml://registries/azureml(?:-[\w-]+)?/", re.IGNORECASE)
_EXPRESSION = re.compile(r"\$\{\{\s*(?P<inside>.*?)\s*\}\}")
_PARENT_INPUT = re.compile(r"^parent\.inputs\.(?P<name>[\w.-]+)$")
_PARENT_OUTPUT = re.compile(r"^parent\.outputs\.(?P<name>[\w-]+)$")
_NODE_OUTPUT = re.compile(r"^parent\.jobs\.(?P<node>[\w-]+)\.outputs\.(?P<name>[\w-]+)$")
_OPTIONAL = re.compile(r"\$\[\[(?P<inside>.*?)\]\]", re.DOTALL)
_IN_COMMAND = re.compile(r"^(?P<side>inputs|outputs|search_space)\.(?P<name>[\w.-]+)$")


@dataclass(frozen=True)
class ParentInput:
    """`${{parent.inputs.name}}`"""  # noqa: D400, D415

    name: str


@dataclass(frozen=True)
class ParentOutput:
    """`${{parent.outputs.name}}`"""  # noqa: D400, D415

    name: str


@dataclass(frozen=True)
class NodeOutput:
    """`${{parent.jobs.node.outputs.name}}`"""  # noqa: D400, D415

    node: str
    name: str


Reference = ParentInput | ParentOutput | NodeOutput


def is_in_system_registry(reference: str) -> bool:
    """Whether it is something of a registry of Microsoft's own (azureml, azureml-meta, …), which Azure would have."""
    return _SYSTEM_REGISTRY.match(reference) is not None


def parse(value: str) -> Reference | None:
    """The reference that `value` is; None if there is no expression in it. Raises ValueError for one of no use."""
    match = _EXPRESSION.search(value)
    if match is None:
        return None
    if match.group() != value.strip():
        raise ValueError(f"an expression must be the whole value, not a part of it: {value}")
    inside = match["inside"]
    if found := _PARENT_INPUT.match(inside):
        return ParentInput(found["name"])
    if found := _PARENT_OUTPUT.match(inside):
        return ParentOutput(found["name"])
    if found := _NODE_OUTPUT.match(inside):
        return NodeOutput(found["node"], found["name"])
    raise ValueError(
        f"{value} is none of ${{{{parent.inputs.NAME}}}}, ${{{{parent.outputs.NAME}}}}, "
        "${{parent.jobs.NODE.outputs.NAME}}"
    )


def names_in_command(command: str) -> list[tuple[str, str]]:
    """The (`inputs`, `outputs` or `search_space`, name) pairs in a command. Raises ValueError for other expressions."""
    return [_command_name(match) for match in _EXPRESSION.finditer(command)]


def render_command(command: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    """The command with paths and values in place of its expressions.

    A `$[[ … ]]` is left out if an input in it was not given. Values are put in as they are, as Azure does: quoting is
    the command's business. Raises ValueError for a name that has no value.
    """
    # A sweep gives what it samples to its trials as inputs.
    values = {"inputs": inputs, "outputs": outputs, "search_space": inputs}

    def optional(match: re.Match[str]) -> str:
        inside = match["inside"]
        return inside if all(name in values[side] for side, name in names_in_command(inside)) else ""

    def value(match: re.Match[str]) -> str:
        side, name = _command_name(match)
        if name not in values[side]:
            raise ValueError(f"the command uses {match.group()}, which has no value")
        return values[side][name]

    return _EXPRESSION.sub(value, _OPTIONAL.sub(optional, command))


def _command_name(match: re.Match[str]) -> tuple[str, str]:
    found = _IN_COMMAND.match(match["inside"])
    if found is None:
        raise ValueError(f"the command has an expression that is neither an input nor an output: {match.group()}")
    return found["side"], found["name"]
