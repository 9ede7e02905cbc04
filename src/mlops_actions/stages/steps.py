"""What a stage consists of: the steps of its workflow, and what each takes from the stage's inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Inputs = Mapping[str, Any]
"""A stage's inputs by the names of its function's parameters."""

Outputs = Mapping[str, Mapping[str, str]]
"""What the steps before put out, by the steps' names, as texts."""


def same(*names: str) -> dict[str, str]:
    """For `Step.takes`: parameters that are called as the stage's inputs are."""
    return {name: name for name in names}


@dataclass(frozen=True)
class Step:
    """One use of an action in a workflow.

    Attributes:
        name: what it is called on the command line and in the record
        title: what it is called in the workflow
        action: the action
        takes: the action's parameters by the stage's inputs that they are
        fixed: the action's parameters that are the same in every run
        made: the action's parameters that are made of the stage's inputs and the outputs of the steps before
        when: inputs of which one has to be given, else the step is skipped
        cleans_up: the step that it undoes, whatever happened before
        switch: an input that is true where it is to be done
        unless: why it is not to be done after what the steps before put out; an empty text if it is

    """

    name: str
    title: str
    action: str
    takes: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, Callable[[Inputs, Outputs], object]] = field(default_factory=dict)
    when: tuple[str, ...] = ()
    cleans_up: str = ""
    switch: str = ""
    unless: Callable[[Outputs], str] = lambda _: ""

    def is_wanted(self, inputs: Inputs) -> bool:
        """Whether the inputs ask for it."""
        if self.switch and not inputs[self.switch]:
            return False
        return not self.when or any(inputs[name] for name in self.when)

    def arguments(self, inputs: Inputs, outputs: Outputs) -> dict[str, object]:
        """The action's arguments; what is not given keeps the action's default."""
        taken = {parameter: inputs[name] for parameter, name in self.takes.items()}
        made = {parameter: make(inputs, outputs) for parameter, make in self.made.items()}
        return {name: value for name, value in {**taken, **self.fixed, **made}.items() if value not in (None, "", ())}


@dataclass(frozen=True)
class Stage:
    """A workflow: its name and its steps, in order.

    Attributes:
        name: what it is called on the command line
        steps: its steps
        outputs: the step whose outputs are the stage's
        required: the inputs that have to be given
        job: the step whose Azure ML job keeps its name, the input `job_name`, as long as it can be gone on with

    """

    name: str
    steps: tuple[Step, ...]
    outputs: str
    required: tuple[str, ...]
    job: str = ""

    def step(self, named: str) -> Step:
        """The step of this name, or the only one that uses the action of this name. Raises KeyError."""
        found = [step for step in self.steps if step.name == named]
        found = found or [step for step in self.steps if step.action == named]
        if len(found) != 1:
            raise KeyError(named)
        return found[0]
