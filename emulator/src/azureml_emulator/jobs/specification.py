"""A job as it was submitted, read from its JSON: inputs, outputs, and the nodes of a pipeline with what they run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..context import Context
from ..errors import bad_request, not_implemented
from . import components, job_identity, modes, promoted
from .components import CommandWork, Component, GraphWork, Port, arm_id
from .distribution import read_distribution, read_instances
from .job_identity import JobIdentity
from .parallel.specification import ParallelWork
from .parallel.specification import override as override_parallel
from .references import NodeOutput, ParentInput, ParentOutput, Reference, parse
from .shapes import mapping, mappings, strings, text
from .sweep.specification import Sweep
from .sweep.specification import read as read_sweep

_DURATION = re.compile(
    r"^P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?$"
)
_NODE_TYPES = frozenset({"command", "pipeline", "parallel", "sweep"})
SERVERLESS = "serverless"
"""The compute of a node that names none: Azure makes one for it, and removes it afterwards."""
_DEEPEST = 10
"""Pipelines in pipelines: Azure allows fewer. A component that contains itself is stopped by it."""


@dataclass(frozen=True)
class Literal:
    """A value; on the wire all values are strings."""

    value: str


@dataclass(frozen=True)
class Asset:
    """Files: an ARM id of a data asset or model, or a URI; `mode` as on the wire (ReadOnlyMount, Direct, …)."""

    uri: str
    type: str
    mode: str | None = None


Given = Literal | Asset


@dataclass(frozen=True)
class Target:
    """Where an output goes: to an output of the parent, to an explicit URI, or to the default place (neither)."""

    type: str
    bound: str | None = None
    uri: str | None = None
    mode: str | None = None
    asset_name: str | None = None
    asset_version: str | None = None


@dataclass(frozen=True)
class Node:
    """A component to run with these inputs. A standalone command or sweep job is one, too.

    `graph` is there if the component is a pipeline; `sweep` if it is the trial of a sweep; `modes` are those that the
    node itself gives to its inputs; `services` are the names of the interactive services that it asks for.
    """

    name: str
    display_name: str
    component: Component
    inputs: Mapping[str, Given | Reference]
    outputs: Mapping[str, Target]
    compute: str | None
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    modes: Mapping[str, str] = field(default_factory=dict)
    graph: Graph | None = None
    sweep: Sweep | None = None
    services: tuple[str, ...] = ()
    identity: JobIdentity | None = None

    def needs(self) -> set[str]:
        """The nodes whose outputs it reads."""
        return {source.node for source in self.inputs.values() if isinstance(source, NodeOutput)}


@dataclass(frozen=True)
class Graph:
    """Nodes that are wired to each other, and to the inputs and outputs of the pipeline that they are."""

    inputs: Mapping[str, Port]
    outputs: Mapping[str, str]
    nodes: Mapping[str, Node]


@dataclass(frozen=True)
class Settings:
    """A pipeline job's settings; they hold for the pipelines within it as well."""

    continue_on_failure: bool = False
    force_rerun: bool = False
    default_datastore: str | None = None
    identity: JobIdentity | None = None


@dataclass(frozen=True)
class Pipeline:
    """A pipeline job."""

    graph: Graph
    inputs: Mapping[str, Given]
    outputs: Mapping[str, Target]
    settings: Settings


def read_pipeline(context: Context, properties: Mapping[str, Any]) -> Pipeline:
    """The pipeline that these properties of a job describe. Raises ServiceError (400, 501)."""
    settings = mapping(properties.get("settings"), "settings")
    compute = text(properties.get("computeId"), "computeId") or text(
        settings.get("default_compute"), "settings.default_compute"
    )
    surroundings = _Surroundings(context, compute)
    inputs = {name: _given(one, f"input {name}") for name, one in mappings(properties.get("inputs"), "inputs")}
    outputs = {
        name: read_target(one, f"outputs.{name}") for name, one in mappings(properties.get("outputs"), "outputs")
    }
    values = {name: one.value for name, one in inputs.items() if isinstance(one, Literal)}
    graph = _job_graph(surroundings, properties, values)
    if graph is not None:
        outputs = {name: Target(kind) for name, kind in graph.outputs.items()} | outputs
    else:
        nodes = _nodes(replace(surroundings, values=values), properties.get("jobs"))
        graph = Graph(_ports(inputs), {name: target.type for name, target in outputs.items()}, nodes)
    return Pipeline(_delivering(graph, outputs), inputs, outputs, _settings(settings, properties.get("identity")))


def _delivering(graph: Graph, outputs: Mapping[str, Target]) -> Graph:
    """The graph whose nodes deliver what is bound to an output of the job in the mode that the job says."""

    def moded(target: Target) -> Target:
        bound = outputs.get(target.bound) if target.bound else None
        return replace(target, mode=bound.mode) if bound is not None and bound.mode and not target.mode else target

    nodes = {
        name: replace(node, outputs={key: moded(target) for key, target in node.outputs.items()})
        for name, node in graph.nodes.items()
    }
    return replace(graph, nodes=nodes)


@dataclass(frozen=True)
class _Surroundings:
    """What nodes are read in: the compute of those that name none, and the values of the pipeline's inputs."""

    context: Context
    compute: str | None
    values: Mapping[str, str] = field(default_factory=dict)
    depth: int = 0

    def within(self, component: Component, compute: str | None, values: Mapping[str, str]) -> _Surroundings:
        """Those of the nodes of a pipeline component that is run with these values."""
        defaults = {name: port.default for name, port in component.inputs.items() if port.default is not None}
        return _Surroundings(self.context, compute, {**defaults, **values}, self.depth + 1)


def _job_graph(surroundings: _Surroundings, properties: Mapping[str, Any], values: Mapping[str, str]) -> Graph | None:
    """The graph of the pipeline component that a job names instead of having nodes itself, or None."""
    identity = text(properties.get("componentId"), "componentId")
    if identity is None or properties.get("jobs"):
        return None
    component = components.load(surroundings.context, identity)
    if not isinstance(component.work, GraphWork):
        raise bad_request(f"component {identity} is not a pipeline")
    return _graph(surroundings.within(component, surroundings.compute, values), component, component.work)


def _settings(given: Mapping[str, Any], identity: object) -> Settings:
    return Settings(
        continue_on_failure=_flag(given.get("continue_on_step_failure")),
        force_rerun=_flag(given.get("force_rerun")),
        default_datastore=text(given.get("default_datastore"), "settings.default_datastore"),
        identity=job_identity.read(identity, "identity"),
    )


def _flag(value: object) -> bool:
    return str(value).lower() == "true"


def _ports(inputs: Mapping[str, Given]) -> dict[str, Port]:
    return {name: Port(one.type if isinstance(one, Asset) else "string") for name, one in inputs.items()}


def read_command(properties: Mapping[str, Any], name: str) -> Node:
    """The one node of a standalone command or sweep job. Raises ServiceError (400, 501)."""
    is_sweep = properties.get("jobType") == "Sweep"
    sweep = read_sweep(properties, "the job") if is_sweep else None
    program = mapping(properties.get("trial"), "trial") if is_sweep else properties
    inputs = {key: _given(one, f"input {key}") for key, one in mappings(properties.get("inputs"), "inputs")}
    outputs = {key: read_target(one, f"outputs.{key}") for key, one in mappings(properties.get("outputs"), "outputs")}
    code, environment = text(program.get("codeId"), "codeId"), text(program.get("environmentId"), "environmentId")
    work = CommandWork(
        command=text(program.get("command"), "command") or "",
        code=arm_id(code) if code else None,
        environment=arm_id(environment) if environment else None,
        distribution=read_distribution(program.get("distribution"), "distribution"),
        instances=read_instances(program.get("resources"), "resources"),
    )
    component = Component(
        id=name,
        inputs=_ports(inputs),
        outputs={key: one.type for key, one in outputs.items()},
        work=work,
        deterministic=False,
    )
    return Node(
        name=name,
        display_name=text(properties.get("displayName"), "displayName") or name,
        component=component,
        inputs=inputs,
        outputs=outputs,
        compute=text(properties.get("computeId"), "computeId"),
        variables=strings(program.get("environmentVariables"), "environmentVariables"),
        timeout=None if is_sweep else _timeout(properties.get("limits")),
        sweep=sweep,
        services=_services(properties.get("services"), "services"),
        identity=job_identity.read(properties.get("identity"), "identity"),
    )


def _nodes(surroundings: _Surroundings, given: object) -> dict[str, Node]:
    nodes = mapping(given, "jobs")
    if not nodes:
        raise bad_request("the pipeline has no jobs")
    return {name: _node(surroundings, name, one) for name, one in nodes.items()}


def _graph(surroundings: _Surroundings, component: Component, work: GraphWork) -> Graph:
    if surroundings.depth > _DEEPEST:
        raise bad_request(f"component {component.id}: pipelines are nested more than {_DEEPEST} deep")
    return Graph(component.inputs, component.outputs, _nodes(surroundings, work.jobs))


def _node(surroundings: _Surroundings, name: str, given: object) -> Node:
    where = f"jobs.{name}"
    spec = promoted.resolve(mapping(given, where), surroundings.values, f"node {name}")
    if (kind := spec.get("type", "command")) not in _NODE_TYPES:
        raise not_implemented(f"a node of type {kind} ({name})")
    trial = mapping(spec.get("trial"), f"{where}.trial") if kind == "sweep" else spec
    identity = text(trial.get("componentId"), f"{where}.componentId")
    if identity is None:
        raise bad_request(f"node {name} has no componentId")
    component = _overridden(components.load(surroundings.context, identity), spec, where)
    compute = _compute(surroundings, text(spec.get("computeId"), f"{where}.computeId"))
    inputs = {
        key: (_node_input(one, f"node {name}, input {key}"), modes.of_input(one.get("mode"), f"{where}.inputs.{key}"))
        for key, one in mappings(spec.get("inputs"), f"{where}.inputs")
    }
    graph = None
    if isinstance(component.work, GraphWork):
        values = _values({key: source for key, (source, _) in inputs.items()}, surroundings.values)
        graph = _graph(surroundings.within(component, compute, values), component, component.work)
    return Node(
        name=name,
        display_name=text(spec.get("display_name"), f"{where}.display_name") or name,
        component=component,
        inputs={key: source for key, (source, _) in inputs.items()},
        outputs=_node_outputs(name, spec.get("outputs"), component),
        compute=compute,
        variables=strings(spec.get("environment_variables"), f"{where}.environment_variables"),
        timeout=None if kind == "sweep" else _timeout(spec.get("limits")),
        modes={key: mode for key, (_, mode) in inputs.items() if mode},
        graph=graph,
        sweep=read_sweep(spec, where) if kind == "sweep" else None,
        services=_services(spec.get("services"), f"{where}.services"),
        identity=job_identity.read(spec.get("identity"), f"{where}.identity"),
    )


def _compute(surroundings: _Surroundings, named: str | None) -> str | None:
    """The id of a node's compute: one that was promoted to an input of the pipeline is given by its name."""
    if named is None:
        return surroundings.compute
    called = named.removeprefix("azureml:")
    if "/" in called or called == SERVERLESS:
        return called
    return f"{surroundings.context.workspace_id}/computes/{called}"


def _values(inputs: Mapping[str, Given | Reference], outside: Mapping[str, str]) -> dict[str, str]:
    """The values that a pipeline within a pipeline is run with."""
    found = {}
    for name, source in inputs.items():
        if isinstance(source, Literal):
            found[name] = source.value
        elif isinstance(source, ParentInput) and source.name in outside:
            found[name] = outside[source.name]
    return found


def _overridden(component: Component, spec: Mapping[str, Any], where: str) -> Component:
    """The component with what the node says differently about how it is to be run."""
    work = component.work
    if isinstance(work, ParallelWork):
        return replace(component, work=override_parallel(work, spec, where))
    if not isinstance(work, CommandWork):
        return component
    if spec.get("distribution"):
        work = replace(work, distribution=read_distribution(spec["distribution"], f"{where}.distribution"))
    if mapping(spec.get("resources"), f"{where}.resources"):
        work = replace(work, instances=read_instances(spec["resources"], f"{where}.resources"))
    return replace(component, work=work)


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
    mode = modes.of_input(spec.get("mode"), where)
    modes.check_type(mode, kind, where)
    return Asset(arm_id(uri) if uri.startswith("azureml:/sub") else uri, kind, mode)


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
    # Nodes say `name` and `version` where jobs say assetName and assetVersion.
    name, version = _field(spec, "asset_name") or spec.get("name"), _field(spec, "asset_version") or spec.get("version")
    return Target(
        type=text(_field(spec, "job_output_type"), f"{where}: its type") or "uri_folder",
        uri=text(spec.get("uri"), f"{where}: its uri"),
        mode=modes.of_output(spec.get("mode"), where),
        asset_name=text(name, f"{where}: its asset's name"),
        asset_version=text(version, f"{where}: its asset's version"),
    )


def _node_outputs(node: str, given: object, component: Component) -> dict[str, Target]:
    """All outputs of the component; those that the node says nothing about go to their default place."""
    targets = {name: Target(kind, mode=component.modes.get(name)) for name, kind in component.outputs.items()}
    for name, spec in mappings(given, f"jobs.{node}.outputs"):
        if name not in targets:
            raise bad_request(f"node {node} has no output {name}: its component has {_listed(targets)}")
        value = spec.get("value")
        target = read_target(spec, f"jobs.{node}.outputs.{name}")
        target = replace(target, type=targets[name].type, mode=target.mode or targets[name].mode)
        if value is not None:
            reference = _reference(str(value), f"node {node}, output {name}")
            if not isinstance(reference, ParentOutput):
                raise bad_request(f"node {node}, output {name}: {value} is not an output of the pipeline")
            target = replace(target, bound=reference.name)
        targets[name] = target
    return targets


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "none"


def _services(given: object, where: str) -> tuple[str, ...]:
    """The interactive services; a job that was read and is submitted again has those that all jobs have, too."""
    return tuple(name for name, _ in mappings(given, where) if name not in {"Tracking", "Studio"})


def _timeout(limits: object) -> float | None:
    """Seconds in a job's limits: ISO 8601 in a job's JSON, a number in a node's."""
    given = mapping(limits, "limits").get("timeout")
    if given is None:
        return None
    try:
        seconds = _seconds(str(given))
    except ValueError as error:
        raise bad_request(f"limits.timeout is {given!r}, no duration") from error
    if not (math.isfinite(seconds) and seconds > 0):
        raise bad_request(f"limits.timeout is {given!r}, not a number of seconds")
    return seconds


def _seconds(duration: str) -> float:
    match = _DURATION.match(duration)
    if match is None:
        return float(duration)
    parts = {unit: float(count or 0) for unit, count in match.groupdict().items()}
    return parts["days"] * 86400 + parts["hours"] * 3600 + parts["minutes"] * 60 + parts["seconds"]


__all__ = [
    "Asset", "Given", "Graph", "Literal", "Node", "NodeOutput", "ParentInput", "Pipeline", "Settings", "Target",
    "read_command", "read_pipeline",
]  # fmt: skip
