"""What a node runs: a component's interface and its work, read out of the workspace or the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ... import assets
from ...context import Context
from ...errors import ServiceError, bad_request, not_implemented
from ...shapes import mapping, mappings, strings, text
from .. import register_model
from ..files import modes
from ..parallel.specification import ParallelWork
from ..parallel.specification import read as read_parallel
from .distribution import Distribution, read_distribution, read_instances
from .references import is_in_system_registry, names_in_command

DATA_TYPES = frozenset({"uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model"})
"""Types of inputs and outputs that are files; all others are values."""


@dataclass(frozen=True)
class Port:
    """An input of a component."""

    type: str
    optional: bool = False
    default: str | None = None
    enum: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    mode: str | None = None

    @property
    def is_data(self) -> bool:
        """Whether it takes files rather than a value."""
        return self.type in DATA_TYPES

    def problem(self, value: str) -> str | None:
        """Why `value` is none for this input, or None."""
        if self.enum and value not in self.enum:
            return f"is {value!r}, not one of {', '.join(self.enum)}"
        if self.type == "boolean" and value.lower() not in {"true", "false"}:
            return f"is {value!r}, not a boolean"
        return self._number_problem(value) if self.type in {"integer", "number"} else None

    def _number_problem(self, value: str) -> str | None:
        try:
            number = float(int(value)) if self.type == "integer" else float(value)
        except ValueError:
            return f"is {value!r}, not of type {self.type}"
        if self.minimum is not None and number < self.minimum:
            return f"is {value}, less than the minimum {self.minimum:g}"
        if self.maximum is not None and number > self.maximum:
            return f"is {value}, more than the maximum {self.maximum:g}"
        return None


@dataclass(frozen=True)
class CommandWork:
    """A command, its code (the ARM id of a code version) and its environment (an ARM id or a registry's URI)."""

    command: str
    code: str | None = None
    environment: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    distribution: Distribution | None = None
    instances: int = 1


@dataclass(frozen=True)
class GraphWork:
    """The nodes of a pipeline component, as JSON: they are read where the nodes of a pipeline job are."""

    jobs: Mapping[str, Any]


@dataclass(frozen=True)
class RegisterModel:
    """The registry's component `register_model`, which the emulator runs itself."""


Work = CommandWork | ParallelWork | GraphWork | RegisterModel


@dataclass(frozen=True)
class Component:
    """A component; `outputs` are the types by name, `modes` how they are delivered unless a node says otherwise.

    A deterministic one is not run again on the same inputs.
    """

    id: str
    inputs: Mapping[str, Port]
    outputs: Mapping[str, str]
    work: Work
    deterministic: bool = True
    modes: Mapping[str, str] = field(default_factory=dict)

    @property
    def program(self) -> CommandWork | ParallelWork | None:
        """What is run as a program, in an environment; None for a pipeline, and for what the emulator does itself."""
        return self.work if isinstance(self.work, CommandWork | ParallelWork) else None


def load(context: Context, identity: str) -> Component:
    """The component with this id. Raises ServiceError (400) if there is none, (501) for a type that is not run here."""
    if identity.lower() == register_model.ID.lower():
        return _read(register_model.ID, register_model.SPEC, RegisterModel())
    try:
        stored = assets.find(context, "components", identity)
    except ServiceError as error:
        if is_in_system_registry(identity):
            raise not_implemented(f"a component of Microsoft's own registries ({identity})") from error
        where = "its registry" if "//registries/" in identity else f"workspace {context.settings.workspace}"
        raise bad_request(f"component {identity} is not found in {where}") from error
    if stored["id"] == register_model.ID:
        return _read(register_model.ID, register_model.SPEC, RegisterModel())
    spec = stored["properties"]["componentSpec"]
    return _read(stored["id"], spec, _work(stored["id"], spec))


def arm_id(reference: str) -> str:
    """The ARM id in a reference such as `azureml:/subscriptions/…`."""
    return reference.removeprefix("azureml:") if not reference.startswith("azureml://") else reference


def _work(identity: str, spec: Mapping[str, Any]) -> Work:
    whose = f"component {identity}"
    kind = spec.get("type", "command")
    if kind == "pipeline":
        return GraphWork(mapping(spec.get("jobs"), f"{whose}: jobs"))
    if kind == "parallel":
        return read_parallel(spec, whose)
    if kind != "command":
        raise not_implemented(f"running a component of type {kind} ({identity})")
    code, environment = text(spec.get("code"), f"{whose}: code"), text(spec.get("environment"), f"{whose}: environment")
    return CommandWork(
        command=text(spec.get("command"), f"{whose}: command") or "",
        code=arm_id(code) if code else None,
        environment=arm_id(environment) if environment else None,
        variables=strings(spec.get("environment_variables"), f"{whose}: environment_variables"),
        distribution=read_distribution(spec.get("distribution"), f"{whose}: distribution"),
        instances=read_instances(spec.get("resources"), f"{whose}: resources"),
    )


def _read(identity: str, spec: Mapping[str, Any], work: Work) -> Component:
    whose = f"component {identity}"
    outputs = mappings(spec.get("outputs"), f"{whose}: outputs")
    component = Component(
        id=identity,
        inputs={
            name: _port(one, f"{whose}, input {name}") for name, one in mappings(spec.get("inputs"), f"{whose}: inputs")
        },
        outputs={name: text(one.get("type"), f"{whose}, output {name}") or "uri_folder" for name, one in outputs},
        work=work,
        modes={
            name: mode for name, one in outputs if (mode := modes.of_output(one.get("mode"), f"{whose}, output {name}"))
        },
        deterministic=str(spec.get("is_deterministic", True)).lower() != "false",
    )
    if isinstance(work, CommandWork):
        check_command(work.command, component.inputs, component.outputs, whose)
    return component


def check_command(
    command: str, inputs: Iterable[str], outputs: Iterable[str], whose: str, search_space: Iterable[str] = ()
) -> None:
    """Raise ServiceError (400) for a command that is empty or refers to what is not there."""
    if not command.strip():
        raise bad_request(f"{whose} has no command")
    known = {"inputs": set(inputs), "outputs": set(outputs), "search_space": set(search_space)}
    try:
        names = names_in_command(command)
    except ValueError as error:
        raise bad_request(f"{whose}: {error}") from error
    for side, name in names:
        if name not in known[side]:
            raise bad_request(f"{whose}: the command uses ${{{{{side}.{name}}}}}, but {name} is not among its {side}")


def _port(spec: Mapping[str, Any], where: str) -> Port:
    default = spec.get("default")
    return Port(
        type=text(spec.get("type"), f"{where}: type") or "string",
        optional=str(spec.get("optional", "false")).lower() == "true",
        default=None if default is None else str(default),
        enum=tuple(str(one) for one in spec.get("enum") or ()),
        minimum=_number(spec.get("min"), f"{where}: min"),
        maximum=_number(spec.get("max"), f"{where}: max"),
        mode=modes.of_input(spec.get("mode"), where),
    )


def _number(value: object, where: str) -> float | None:
    try:
        return None if value is None else float(str(value))
    except ValueError as error:
        raise bad_request(f"{where} is {value!r}, not a number") from error
