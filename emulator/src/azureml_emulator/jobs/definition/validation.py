"""What the SDK lets through: checked when a job is submitted, so that it is refused at once and not in the middle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http.client import NOT_IMPLEMENTED

from ...context import Context
from ...errors import ServiceError, bad_request, not_implemented
from .. import compute, system_limits
from ..environment import resolve
from ..files import modes, outputs, storage
from ..parallel.specification import check as check_parallel
from ..sweep import trial
from . import distribution
from .components import DATA_TYPES, CommandWork, Port, check_command
from .references import NodeOutput, ParentInput
from .specification import SERVERLESS, Asset, Graph, Literal, Node, Pipeline, Target

Known = Literal | Asset | Port
"""What an input is known to be before anything has run: its value, or only its type."""


def check_pipeline(context: Context, pipeline: Pipeline) -> None:
    """Raise ServiceError (400) for a pipeline that cannot run."""
    outputs.check(context, Target("uri_folder"), "settings.default_datastore", pipeline.settings.default_datastore)
    for name, given in pipeline.inputs.items():
        if name not in pipeline.graph.inputs:
            raise bad_request(f"the pipeline has no input {name}; it has {_listed(pipeline.graph.inputs)}")
        _check_asset(context, given, f"input {name}")
    for name, target in pipeline.outputs.items():
        if name not in pipeline.graph.outputs:
            raise bad_request(f"the pipeline has no output {name}; it has {_listed(pipeline.graph.outputs)}")
        _check_type(f"output {name}", target)
        outputs.check(context, target, f"output {name}")
    inputs: dict[str, Known] = {**_defaults(pipeline.graph), **pipeline.inputs}
    for name, port in pipeline.graph.inputs.items():
        if name not in inputs and not port.optional:
            raise bad_request(f"the pipeline lacks its input {name}")
    _check_graph(context, pipeline.graph, inputs)


def _defaults(graph: Graph) -> dict[str, Literal]:
    return {name: Literal(port.default) for name, port in graph.inputs.items() if port.default is not None}


def _check_graph(context: Context, graph: Graph, inputs: Mapping[str, Known]) -> None:
    for node in graph.nodes.values():
        for name, source in node.inputs.items():
            _check_named(node, name)
            _check_source(graph, inputs, node, name, source)
        for name, target in node.outputs.items():
            where = f"node {node.name}, output {name}"
            if target.bound is not None and target.bound not in graph.outputs:
                raise bad_request(f"{where}: the pipeline has no output {target.bound}")
        check_node(context, node)
        if node.graph is not None:
            _check_graph(context, node.graph, {**_defaults(node.graph), **_inner(graph, node, inputs)})
    _check_bound_once(graph)
    _check_cycles(graph)


def _inner(graph: Graph, node: Node, inputs: Mapping[str, Known]) -> dict[str, Known]:
    """What the inputs of a pipeline within a pipeline are known to be."""
    found: dict[str, Known] = {}
    for name, source in node.inputs.items():
        if isinstance(source, ParentInput):
            if source.name in inputs:
                found[name] = inputs[source.name]
        elif isinstance(source, NodeOutput):
            found[name] = Port(graph.nodes[source.node].component.outputs[source.name])
        elif isinstance(source, Literal | Asset):
            found[name] = source
    return found


def _check_named(node: Node, name: str) -> None:
    """An input that the component has; a sweep's trial gets what is sampled as inputs, too."""
    if name not in node.component.inputs:
        raise bad_request(
            f"node {node.name} has an unknown input {name}: its component has {_listed(node.component.inputs)}"
        )


def check_node(context: Context, node: Node) -> None:
    """Raise ServiceError (400) for a node that cannot run, wherever it stands."""
    component = node.component
    system_limits.check_ports([*component.inputs, *component.outputs], f"node {node.name}")
    for name, target in node.outputs.items():
        outputs.check(context, target, f"node {node.name}, output {name}")
    sampled = set(node.sweep.space) if node.sweep else set()
    for name, source in node.inputs.items():
        _check_named(node, name)
        modes.check_type(node.modes.get(name), component.inputs[name].type, f"node {node.name}, input {name}")
        if isinstance(source, Literal):
            if component.inputs[name].is_data:
                raise bad_request(f"node {node.name}, input {name}: needs {component.inputs[name].type}, not a value")
            _check_value(node, name, source.value)
        _check_asset(context, source, f"node {node.name}, input {name}")
    for name, port in component.inputs.items():
        if name not in node.inputs and name not in sampled and not port.optional and port.default is None:
            raise bad_request(f"node {node.name} lacks its input {name}")
    for name, target in node.outputs.items():
        _check_type(f"node {node.name}, output {name}", target)
    trial.check(node)
    if node.graph is None:
        _check_program(context, node)


def _check_program(context: Context, node: Node) -> None:
    work, whose = node.component.program, f"node {node.name}"
    _check_compute(context, node)
    if work is None:
        return
    if isinstance(work, CommandWork):
        system_limits.check_text(work.command, f"{whose}: its command")
        sampled = node.sweep.space if node.sweep else ()
        check_command(work.command, node.component.inputs, node.component.outputs, whose, sampled)
        distribution.check(work.distribution, work.instances, whose)
    else:
        check_parallel(work, node.component.inputs, node.component.outputs, whose)
    variables = {**work.variables, **node.variables}
    system_limits.check_variables(variables, whose)
    resolve.check(context, work.environment, whose, variables)
    if work.code and context.store.get("codes", work.code) is None:
        raise bad_request(f"{whose}: code {work.code} is not found")


def _check_value(node: Node, name: str, value: str) -> None:
    system_limits.check_text(value, f"node {node.name}, input {name}")
    if problem := node.component.inputs[name].problem(value):
        raise bad_request(f"node {node.name}, input {name} {problem}")


def _check_asset(context: Context, given: object, where: str) -> None:
    if not isinstance(given, Asset):
        return
    try:
        storage.locate(context, given.uri, given.type)
    except ServiceError as error:
        if error.status == NOT_IMPLEMENTED:
            raise
        raise bad_request(f"{where}: {error.message}") from error


def _check_source(graph: Graph, inputs: Mapping[str, Known], node: Node, name: str, source: object) -> None:
    where = f"node {node.name}, input {name}"
    if isinstance(source, ParentInput):
        _check_parent_input(graph, inputs, node, name, source)
    elif isinstance(source, NodeOutput):
        _check_node_output(graph, node.component.inputs[name], source, where)
    elif not isinstance(source, Literal | Asset):
        raise bad_request(f"{where}: an output of the pipeline cannot be an input")


def _check_parent_input(graph: Graph, inputs: Mapping[str, Known], node: Node, name: str, source: ParentInput) -> None:
    where, port = f"node {node.name}, input {name}", node.component.inputs[name]
    declared, given = graph.inputs.get(source.name), inputs.get(source.name)
    if declared is None and not port.optional and port.default is None:
        raise bad_request(f"{where}: the pipeline has no input {source.name}; it has {_listed(graph.inputs)}")
    if given is None:
        if declared is not None and not port.optional and port.default is None:
            raise bad_request(f"{where}: the pipeline's input {source.name} is optional and was not given")
        return
    is_data = isinstance(given, Asset) or (isinstance(given, Port) and given.is_data)
    if is_data != port.is_data:
        kind = "a value" if isinstance(given, Literal) else given.type
        raise bad_request(f"{where}: needs {port.type}, but the pipeline's input {source.name} is {kind}")
    if isinstance(given, Literal):
        _check_value(node, name, given.value)


def _check_node_output(graph: Graph, port: Port, source: NodeOutput, where: str) -> None:
    if source.node not in graph.nodes:
        raise bad_request(f"{where}: the pipeline has no node {source.node}")
    outputs = graph.nodes[source.node].component.outputs
    if source.name not in outputs:
        raise bad_request(f"{where}: node {source.node} has no output {source.name}; it has {_listed(outputs)}")
    if not port.is_data:
        raise bad_request(f"{where}: needs {port.type}, but an output of a node is files")
    within = graph.nodes[source.node].graph
    if within is not None and not _is_written(within, source.name):
        raise bad_request(f"{where}: none of the nodes in {source.node} is bound to its output {source.name}")


def _is_written(graph: Graph, output: str) -> bool:
    """Whether a node writes an output of its pipeline."""
    return any(target.bound == output for node in graph.nodes.values() for target in node.outputs.values())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _check_type(where: str, target: Target) -> None:
    if target.type not in DATA_TYPES:
        raise not_implemented(f"{where}: an output of type {target.type}")


def _check_bound_once(graph: Graph) -> None:
    bound = [t.bound for node in graph.nodes.values() for t in node.outputs.values() if t.bound is not None]
    for name in graph.outputs:
        if bound.count(name) > 1:
            raise bad_request(
                f"output {name} of the pipeline is bound to {bound.count(name)} outputs of nodes, not to one"
            )


def _check_cycles(graph: Graph) -> None:
    left = {name: node.needs() for name, node in graph.nodes.items()}
    while ready := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in ready:
            del left[name]
    if left:
        raise bad_request(f"the nodes {', '.join(sorted(left))} wait for each other in a cycle")


def _check_compute(context: Context, node: Node) -> None:
    name = compute.name(node)
    if node.compute is None or name == SERVERLESS:
        return
    if context.store.get("computes", node.compute) is None:
        raise bad_request(
            f"node {node.name}: the compute {name} is not found in workspace {context.settings.workspace}"
        )
    work, most = node.component.program, compute.most_nodes(context, node)
    wanted = 1 if work is None else work.instances
    if most is not None and wanted > most:
        raise bad_request(
            f"node {node.name} asks for {wanted} instances, but the compute {name} has {most} at most; ask for fewer, "
            "or choose a cluster with more nodes"
        )
