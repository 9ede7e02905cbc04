"""What the SDK lets through: checked when a job is submitted, so that it is refused at once and not in the middle."""

from __future__ import annotations

from collections.abc import Iterable

from ..context import Context
from ..errors import ServiceError, bad_request, not_implemented
from . import storage
from .components import DATA_TYPES, Component, Port
from .references import NodeOutput, ParentInput
from .specification import Asset, Literal, Node, Pipeline, Target


def check_pipeline(context: Context, pipeline: Pipeline) -> None:
    """Raise ServiceError (400) for a pipeline that cannot run."""
    for name, given in pipeline.inputs.items():
        _check_asset(context, given, f"input {name}")
    for node in pipeline.nodes.values():
        check_node(context, node)
        for name, source in node.inputs.items():
            _check_source(pipeline, node, name, source)
        for name, target in node.outputs.items():
            _check_target(pipeline, node, name, target)
    _check_bound_once(pipeline)
    _check_cycles(pipeline)


def check_node(context: Context, node: Node) -> None:
    """Raise ServiceError (400) for a command that cannot run, wherever it stands."""
    component = node.component
    for name, source in node.inputs.items():
        if name not in component.inputs:
            raise bad_request(
                f"node {node.name} has an unknown input {name}: its component has {_listed(component.inputs)}"
            )
        if isinstance(source, Literal):
            if component.inputs[name].is_data:
                raise bad_request(f"node {node.name}, input {name}: needs {component.inputs[name].type}, not a value")
            _check_value(node, name, source.value)
        _check_asset(context, source, f"node {node.name}, input {name}")
    for name, port in component.inputs.items():
        if name not in node.inputs and not port.optional and port.default is None:
            raise bad_request(f"node {node.name} lacks its input {name}")
    _check_compute(context, node)
    _check_environment(context, node.name, component)
    if component.code and context.store.get("codes", component.code) is None:
        raise bad_request(f"node {node.name}: code {component.code} is not found")


def _check_value(node: Node, name: str, value: str) -> None:
    if problem := node.component.inputs[name].problem(value):
        raise bad_request(f"node {node.name}, input {name} {problem}")


def _check_asset(context: Context, given: object, where: str) -> None:
    if not isinstance(given, Asset):
        return
    try:
        storage.locate(context, given.uri)
    except ServiceError as error:
        raise bad_request(f"{where}: {error.message}") from error


def _check_source(pipeline: Pipeline, node: Node, name: str, source: object) -> None:
    where = f"node {node.name}, input {name}"
    if isinstance(source, ParentInput):
        _check_parent_input(pipeline, node, name, source)
    elif isinstance(source, NodeOutput):
        _check_node_output(pipeline, node.component.inputs[name], source, where)
    elif not isinstance(source, Literal | Asset):
        raise bad_request(f"{where}: an output of the pipeline cannot be an input")


def _check_parent_input(pipeline: Pipeline, node: Node, name: str, source: ParentInput) -> None:
    where, port = f"node {node.name}, input {name}", node.component.inputs[name]
    given = pipeline.inputs.get(source.name)
    if given is None:
        if not port.optional and port.default is None:
            raise bad_request(f"{where}: the pipeline has no input {source.name}; it has {_listed(pipeline.inputs)}")
    elif isinstance(given, Asset) != port.is_data:
        kind = given.type if isinstance(given, Asset) else "a value"
        raise bad_request(f"{where}: needs {port.type}, but the pipeline's input {source.name} is {kind}")
    elif isinstance(given, Literal):
        _check_value(node, name, given.value)


def _check_node_output(pipeline: Pipeline, port: Port, source: NodeOutput, where: str) -> None:
    if source.node not in pipeline.nodes:
        raise bad_request(f"{where}: the pipeline has no node {source.node}")
    outputs = pipeline.nodes[source.node].component.outputs
    if source.name not in outputs:
        raise bad_request(f"{where}: node {source.node} has no output {source.name}; it has {_listed(outputs)}")
    if not port.is_data:
        raise bad_request(f"{where}: needs {port.type}, but an output of a node is files")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _check_target(pipeline: Pipeline, node: Node, name: str, target: Target) -> None:
    where = f"node {node.name}, output {name}"
    if target.type not in DATA_TYPES:
        raise not_implemented(f"{where}: an output of type {target.type}")
    if target.bound is not None and target.bound not in pipeline.outputs:
        raise bad_request(f"{where}: the pipeline has no output {target.bound}")


def _check_bound_once(pipeline: Pipeline) -> None:
    bound = [t.bound for node in pipeline.nodes.values() for t in node.outputs.values() if t.bound is not None]
    for name in pipeline.outputs:
        if bound.count(name) > 1:
            raise bad_request(
                f"output {name} of the pipeline is bound to {bound.count(name)} outputs of nodes, not to one"
            )


def _check_cycles(pipeline: Pipeline) -> None:
    left = {name: node.needs() for name, node in pipeline.nodes.items()}
    while ready := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in ready:
            del left[name]
    if left:
        raise bad_request(f"the nodes {', '.join(sorted(left))} wait for each other in a cycle")


def _check_compute(context: Context, node: Node) -> None:
    if node.compute is None:
        raise bad_request(f"node {node.name} has no compute, and the job has no default_compute")
    if context.store.get("computes", node.compute) is None:
        name = node.compute.rsplit("/", 1)[-1]
        raise bad_request(
            f"node {node.name}: the compute {name} is not found in workspace {context.settings.workspace}"
        )


def _check_environment(context: Context, node: str, component: Component) -> None:
    if component.builtin:
        return
    if component.environment is None:
        raise bad_request(f"node {node} has no environment")
    if component.environment.startswith("azureml://registries/"):
        raise not_implemented(f"an environment of a registry ({component.environment}, node {node})")
    environment = context.store.get("environments", component.environment)
    if environment is None:
        raise bad_request(f"node {node}: the environment {component.environment} is not found")
    if environment["properties"].get("build"):
        raise not_implemented(f"an environment with a Docker build context ({component.environment}, node {node})")
