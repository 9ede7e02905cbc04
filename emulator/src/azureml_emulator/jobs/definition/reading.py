"""Reads a job from its JSON: a pipeline with its nodes, or the one node of a command or a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...context import Context
from ...errors import bad_request, not_implemented
from ...shapes import mapping, mappings, strings, text
from ..files import modes
from ..parallel.specification import ParallelWork
from ..parallel.specification import override as override_parallel
from ..process import job_identity
from ..sweep.specification import read as read_sweep
from . import bindings, components, promoted
from .components import CommandWork, Component, GraphWork, Port, arm_id
from .distribution import read_distribution, read_instances
from .references import ParentInput, Reference
from .specification import SERVERLESS, Asset, Given, Graph, Literal, Node, Pipeline, Settings, Target

_NODE_TYPES = frozenset({"command", "pipeline", "parallel", "sweep"})
_DEEPEST = 10
"""Pipelines in pipelines: Azure allows fewer. A component that contains itself is stopped by it."""


def read_pipeline(context: Context, properties: Mapping[str, Any]) -> Pipeline:
    """The pipeline that these properties of a job describe. Raises ServiceError (400, 501)."""
    settings = mapping(properties.get("settings"), "settings")
    compute = text(properties.get("computeId"), "computeId") or text(
        settings.get("default_compute"), "settings.default_compute"
    )
    surroundings = _Surroundings(context, compute)
    inputs = {
        name: bindings.read_given(one, f"input {name}") for name, one in mappings(properties.get("inputs"), "inputs")
    }
    outputs = {
        name: bindings.read_target(one, f"outputs.{name}")
        for name, one in mappings(properties.get("outputs"), "outputs")
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
    inputs = {
        key: bindings.read_given(one, f"input {key}") for key, one in mappings(properties.get("inputs"), "inputs")
    }
    outputs = {
        key: bindings.read_target(one, f"outputs.{key}") for key, one in mappings(properties.get("outputs"), "outputs")
    }
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
        timeout=None if is_sweep else bindings.read_timeout(properties.get("limits")),
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
        key: (
            bindings.read_node_input(one, f"node {name}, input {key}"),
            modes.of_input(one.get("mode"), f"{where}.inputs.{key}"),
        )
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
        outputs=bindings.read_node_outputs(name, spec.get("outputs"), component),
        compute=compute,
        variables=strings(spec.get("environment_variables"), f"{where}.environment_variables"),
        timeout=None if kind == "sweep" else bindings.read_timeout(spec.get("limits")),
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


def _services(given: object, where: str) -> tuple[str, ...]:
    """The interactive services; a job that was read and is submitted again has those that all jobs have, too."""
    return tuple(name for name, _ in mappings(given, where) if name not in {"Tracking", "Studio"})
