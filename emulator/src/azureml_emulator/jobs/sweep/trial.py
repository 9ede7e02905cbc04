"""A trial of a sweep: the sweep's node with sampled values in place of its hyperparameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ...errors import bad_request
from ..assignment import Assignment, Value
from ..definition.components import CommandWork
from ..definition.specification import Literal, Node, Target
from .space import Choice, Scalar

_SEARCHED = re.compile(r"\$\{\{\s*search_space\.(?P<name>\w+)\s*\}\}")
_VARIABLE = "AZUREML_SWEEP_"
"""https://learn.microsoft.com/python/api/azure-ai-ml/azure.ai.ml.sweep.sweepjob: parameters are in the environment."""


def check(node: Node) -> None:
    """Raise ServiceError (400) for a sweep whose trials could not run."""
    if node.sweep is None:
        return
    if not isinstance(node.component.work, CommandWork):
        raise bad_request(f"node {node.name}: the trial of a sweep is a command, which {node.component.id} is not")
    for name, distribution in node.sweep.space.items():
        port = node.component.inputs.get(name)
        if port is None:
            continue
        where = f"node {node.name}, search_space.{name}"
        if port.is_data:
            raise bad_request(f"{where}: the trial's input {name} is of type {port.type}, not a value")
        for value in distribution.values if isinstance(distribution, Choice) else ():
            if problem := port.problem(rendered(value)):
                raise bad_request(f"{where}: {name} {problem}")


def rendered(value: Scalar) -> str:
    """A value as a command gets it."""
    return str(value)


def node(of: Node, name: str, values: Mapping[str, Scalar]) -> Node:
    """The node that a trial runs; its outputs go to places of the trial's own.

    Values of the component's inputs (see `inputs`) are not in it yet.
    """
    work = of.component.work
    assert isinstance(work, CommandWork)  # noqa: S101
    command = _SEARCHED.sub(lambda match: rendered(values[match["name"]]), work.command)
    told = {f"{_VARIABLE}{key}": rendered(value) for key, value in values.items()}
    return replace(
        of,
        name=name,
        display_name=name,
        component=replace(of.component, work=replace(work, command=command)),
        outputs={key: Target(target.type, mode=target.mode) for key, target in of.outputs.items()},
        variables={**told, **of.variables},
        sweep=None,
    )


def inputs(sweep: Assignment, values: Mapping[str, Scalar]) -> dict[str, Value]:
    """The inputs of a trial: the sweep's, and the sampled values of those that are hyperparameters."""
    ports = sweep.node.component.inputs
    # An input of a standalone sweep is none of its hyperparameters, even if it is called the same.
    sampled = {} if sweep.run == sweep.root else {name: values[name] for name in values if name in ports}
    return {**sweep.inputs, **{name: Literal(rendered(value)) for name, value in sampled.items()}}
