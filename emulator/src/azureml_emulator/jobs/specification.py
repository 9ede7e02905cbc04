"""A job as it was submitted, read from its JSON: inputs, outputs, and the nodes of a pipeline with what they run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..context import Context
from ..errors import bad_request, not_implemented
from . import components
from .components import Component, Port, arm_id
from .references import NodeOutput, ParentInput, ParentOutput, Reference, parse
from .shapes import mapping, mappings, strings, text

_DURATION = re.compile(
    r"^P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?$"
)


@dataclass(frozen=True)
class Literal:
    """A value; on the wire all values are strings."""

    value: str


@dataclass(frozen=True)
class Asset:
    """Files: an ARM id of a data asset or model, or a URI."""

    uri: str
    type: str


Given = Literal | Asset


@dataclass(frozen=True)
class Target:
    """Where an output goes: to an output of the parent, to an explicit URI, or to the default place (neither)."""

    type: str
    bound: str | None = None
    uri: str | None = None
    asset_name: str | None = None
    asset_version: str | None = None


@dataclass(frozen=True)
class Node:
    """A command to run. A standalone command job is one, too."""

    name: str
    display_name: str
    component: Component
    inputs: Mapping[str, Given | Reference]
    outputs: Mapping[str, Target]
    compute: str | None
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None

    def needs(self) -> set[str]:
        """The nodes whose outputs it reads."""
        return {source.node for source in self.inputs.values() if isinstance(source, NodeOutput)}


@dataclass(frozen=True)
class Pipeline:
    """A pipeline job."""

    inputs: Mapping[str, Given]
    outputs: Mapping[str, Target]
    nodes: Mapping[str, Node]
    continue_on_failure: bool


def read_pipeline(context: Context, properties: Mapping[str, Any]) -> Pipeline:
    """The pipeline that these properties of a job describe. Raises ServiceError (400, 501)."""
    settings = mapping(properties.get("settings"), "settings")
    nodes = mapping(properties.get("jobs"), "jobs")
    if not nodes:
        raise bad_request("the pipeline has no jobs")
    compute = text(properties.get("computeId"), "computeId")
    default_compute = compute or text(settings.get("default_compute"), "settings.default_compute")
    return Pipeline(
        inputs={name: _given(one, f"input {name}") for name, one in mappings(properties.get("inputs"), "inputs")},
        outputs={
            name: read_target(one, f"outputs.{name}") for name, one in mappings(properties.get("outputs"), "outputs")
        },
        nodes={name: _node(context, name, one, default_compute) for name, one in nodes.items()},
        continue_on_failure=bool(settings.get("continue_on_step_failure", False)),
    )


def read_command(properties: Mapping[str, Any], name: str) -> Node:
    """The one node of a standalone command job. Raises ServiceError (400, 501)."""
    if properties.get("distribution"):
        raise not_implemented("a distributed job")
    inputs = {key: _given(one, f"input {key}") for key, one in mappings(properties.get("inputs"), "inputs")}
    outputs = {key: read_target(one, f"outputs.{key}") for key, one in mappings(properties.get("outputs"), "outputs")}
    ports = {key: Port(one.type if isinstance(one, Asset) else "string") for key, one in inputs.items()}
    code, environment = text(properties.get("codeId"), "codeId"), text(properties.get("environmentId"), "environmentId")
    component = Component(
        id=name,
        command=text(properties.get("command"), "command") or "",
        code=arm_id(code) if code else None,
        environment=arm_id(environment) if environment else None,
        inputs=ports,
        outputs={key: one.type for key, one in outputs.items()},
    )
    components.check_command(component.command, component.inputs, component.outputs, "the job")
    return Node(
        name=name,
        display_name=text(properties.get("displayName"), "displayName") or name,
        component=component,
        inputs=inputs,
        outputs=outputs,
        compute=text(properties.get("computeId"), "computeId"),
        variables=strings(properties.get("environmentVariables"), "environmentVariables"),
        timeout=_timeout(properties.get("limits")),
    )


def _node(context: Context, name: str, given: object, default_compute: str | None) -> Node:
    where = f"jobs.{name}"
    spec = mapping(given, where)
    if (kind := spec.get("type", "command")) != "command":
        raise not_implemented(f"a node of type {kind} ({name})")
    identity = text(spec.get("componentId"), f"{where}.componentId")
    if identity is None:
        raise bad_request(f"node {name} has no componentId")
    component = components.load(context, identity)
    return Node(
        name=name,
        display_name=text(spec.get("display_name"), f"{where}.display_name") or name,
        component=component,
        inputs={
            key: _node_input(one, f"node {name}, input {key}")
            for key, one in mappings(spec.get("inputs"), f"{where}.inputs")
        },
        outputs=_node_outputs(name, spec.get("outputs"), component),
        compute=text(spec.get("computeId"), f"{where}.computeId") or default_compute,
        variables={
            **component.variables,
            **strings(spec.get("environment_variables"), f"{where}.environment_variables"),
        },
        timeout=_timeout(spec.get("limits")),
    )


def _field(spec: Mapping[str, Any], snake: str) -> Any:
    """A field that is in snake_case in nodes and in camelCase in jobs."""
    head, *rest = snake.split("_")
    return spec.get(snake, spec.get(head + "".join(part.capitalize() for part in rest)))


def _given(spec: Mapping[str, Any], where: str) -> Given:
    kind = text(_field(spec, "job_input_type"), f"{where}: its type") or (
        "literal" if "value" in spec else "uri_folder"
    )
    if kind == "literal":
        value = spec.get("value")
        if isinstance(value, Mapping | list):
            raise bad_request(f"{where}: its value is not a plain value", "ValidationError")
        return Literal("" if value is None else str(value))
    uri = text(spec.get("uri"), f"{where}: its uri")
    if uri is None:
        raise bad_request(f"{where}: no uri is given")
    return Asset(arm_id(uri) if uri.startswith("azureml:/sub") else uri, kind)


def _node_input(spec: Mapping[str, Any], where: str) -> Given | Reference:
    given = _given(spec, where)
    if isinstance(given, Asset):
        return given
    return _reference(given.value, where) or given


def _reference(value: str, where: str) -> Reference | None:
    try:
        return parse(value)
    except ValueError as error:
        raise bad_request(f"{where}: {error}") from error


def read_target(spec: Mapping[str, Any], where: str) -> Target:
    """Where an output of a job goes. Raises ServiceError (400)."""
    return Target(
        type=text(_field(spec, "job_output_type"), f"{where}: its type") or "uri_folder",
        uri=text(spec.get("uri"), f"{where}: its uri"),
        asset_name=text(_field(spec, "asset_name"), f"{where}: its asset's name"),
        asset_version=text(_field(spec, "asset_version"), f"{where}: its asset's version"),
    )


def _node_outputs(node: str, given: object, component: Component) -> dict[str, Target]:
    """All outputs of the component; those that the node says nothing about go to their default place."""
    targets = {name: Target(kind) for name, kind in component.outputs.items()}
    for name, spec in mappings(given, f"jobs.{node}.outputs"):
        if name not in targets:
            raise bad_request(f"node {node} has no output {name}: its component has {_listed(targets)}")
        value = spec.get("value")
        if value is None:
            target = read_target(spec, f"jobs.{node}.outputs.{name}")
            targets[name] = Target(targets[name].type, None, target.uri, target.asset_name, target.asset_version)
            continue
        reference = _reference(str(value), f"node {node}, output {name}")
        if not isinstance(reference, ParentOutput):
            raise bad_request(f"node {node}, output {name}: {value} is not an output of the pipeline")
        targets[name] = Target(targets[name].type, bound=reference.name)
    return targets


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "none"


def _timeout(limits: object) -> float | None:
    """Seconds in a job's limits: ISO 8601 in a job's JSON, a number in a node's."""
    given = mapping(limits, "limits").get("timeout")
    if given is None:
        return None
    if match := _DURATION.match(str(given)):
        parts = {unit: float(count or 0) for unit, count in match.groupdict().items()}
        return parts["days"] * 86400 + parts["hours"] * 3600 + parts["minutes"] * 60 + parts["seconds"]
    try:
        return float(str(given))
    except ValueError as error:
        raise bad_request(f"limits.timeout is {given!r}, no duration") from error


__all__ = [
    "Asset", "Given", "Literal", "Node", "NodeOutput", "ParentInput", "Pipeline", "Target", "read_command",
    "read_pipeline",
]  # fmt: skip
