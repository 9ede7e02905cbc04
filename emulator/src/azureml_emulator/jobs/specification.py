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
    settings = _object(properties.get("settings"), "settings")
    nodes = _object(properties.get("jobs"), "jobs")
    if not nodes:
        raise bad_request("the pipeline has no jobs")
    default_compute = properties.get("computeId") or settings.get("default_compute")
    return Pipeline(
        inputs={name: _given(one, f"input {name}") for name, one in _present(properties.get("inputs"), "inputs")},
        outputs={name: _job_output(one) for name, one in _present(properties.get("outputs"), "outputs")},
        nodes={name: _node(context, name, one, default_compute) for name, one in nodes.items()},
        continue_on_failure=bool(settings.get("continue_on_step_failure", False)),
    )


def read_command(properties: Mapping[str, Any], name: str) -> Node:
    """The one node of a standalone command job. Raises ServiceError (400, 501)."""
    if properties.get("distribution"):
        raise not_implemented("a distributed job")
    inputs = {key: _given(one, f"input {key}") for key, one in _present(properties.get("inputs"), "inputs")}
    outputs = {key: _job_output(one) for key, one in _present(properties.get("outputs"), "outputs")}
    ports = {key: Port(one.type if isinstance(one, Asset) else "string") for key, one in inputs.items()}
    code, environment = properties.get("codeId"), properties.get("environmentId")
    component = Component(
        id=name,
        command=str(properties.get("command") or ""),
        code=arm_id(code) if code else None,
        environment=arm_id(environment) if environment else None,
        inputs=ports,
        outputs={key: one.type for key, one in outputs.items()},
    )
    components.check_command(component.command, component.inputs, component.outputs, "the job")
    return Node(
        name=name,
        display_name=str(properties.get("displayName") or name),
        component=component,
        inputs=inputs,
        outputs=outputs,
        compute=properties.get("computeId"),
        variables=_variables(properties.get("environmentVariables")),
        timeout=_timeout(properties.get("limits")),
    )


def _object(given: object, where: str) -> Mapping[str, Any]:
    """A JSON object; none at all is an empty one."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise bad_request(f"{where}: not an object", "ValidationError")
    return given


def _present(given: object, where: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The entries of an object of objects that are not null."""
    return [(name, _object(one, f"{where}.{name}")) for name, one in _object(given, where).items() if one is not None]


def _node(context: Context, name: str, given: object, default_compute: str | None) -> Node:
    spec = _object(given, f"jobs.{name}")
    if (kind := spec.get("type", "command")) != "command":
        raise not_implemented(f"a node of type {kind} ({name})")
    if not spec.get("componentId"):
        raise bad_request(f"node {name} has no componentId")
    component = components.load(context, str(spec["componentId"]))
    return Node(
        name=name,
        display_name=str(spec.get("display_name") or name),
        component=component,
        inputs={
            key: _node_input(one, f"node {name}, input {key}")
            for key, one in _present(spec.get("inputs"), f"jobs.{name}.inputs")
        },
        outputs=_node_outputs(name, spec.get("outputs"), component),
        compute=spec.get("computeId") or default_compute,
        variables={**component.variables, **_variables(spec.get("environment_variables"))},
        timeout=_timeout(spec.get("limits")),
    )


def _field(spec: Mapping[str, Any], snake: str) -> Any:
    """A field that is in snake_case in nodes and in camelCase in jobs."""
    head, *rest = snake.split("_")
    return spec.get(snake, spec.get(head + "".join(part.capitalize() for part in rest)))


def _given(spec: Mapping[str, Any], where: str) -> Given:
    kind = _field(spec, "job_input_type") or ("literal" if "value" in spec else "uri_folder")
    if kind == "literal":
        return Literal(str(spec.get("value")))
    if not spec.get("uri"):
        raise bad_request(f"{where}: no uri is given")
    return Asset(arm_id(str(spec["uri"])) if "azureml:/sub" in str(spec["uri"]) else str(spec["uri"]), str(kind))


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


def _job_output(spec: Mapping[str, Any]) -> Target:
    return Target(
        type=str(_field(spec, "job_output_type") or "uri_folder"),
        uri=spec.get("uri"),
        asset_name=_field(spec, "asset_name"),
        asset_version=_field(spec, "asset_version"),
    )


def _node_outputs(node: str, given: object, component: Component) -> dict[str, Target]:
    """All outputs of the component; those that the node says nothing about go to their default place."""
    targets = {name: Target(kind) for name, kind in component.outputs.items()}
    for name, spec in _present(given, f"jobs.{node}.outputs"):
        if name not in targets:
            raise bad_request(f"node {node} has no output {name}: its component has {_listed(targets)}")
        value = spec.get("value")
        if value is None:
            target = _job_output(spec)
            targets[name] = Target(targets[name].type, None, target.uri, target.asset_name, target.asset_version)
            continue
        reference = _reference(str(value), f"node {node}, output {name}")
        if not isinstance(reference, ParentOutput):
            raise bad_request(f"node {node}, output {name}: {value} is not an output of the pipeline")
        targets[name] = Target(targets[name].type, bound=reference.name)
    return targets


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "none"


def _variables(given: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in _object(given, "environment variables").items()}


def _timeout(limits: object) -> float | None:
    """Seconds in a job's limits: ISO 8601 in a job's JSON, a number in a node's."""
    given = _object(limits, "limits").get("timeout")
    if given is None:
        return None
    if match := _DURATION.match(str(given)):
        parts = {unit: float(count or 0) for unit, count in match.groupdict().items()}
        return parts["days"] * 86400 + parts["hours"] * 3600 + parts["minutes"] * 60 + parts["seconds"]
    try:
        return float(given)
    except ValueError as error:
        raise bad_request(f"limits.timeout is {given!r}, no duration") from error


__all__ = [
    "Asset", "Given", "Literal", "Node", "NodeOutput", "ParentInput", "Pipeline", "Target", "read_command",
    "read_pipeline",
]  # fmt: skip
