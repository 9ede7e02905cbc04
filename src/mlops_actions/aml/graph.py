"""The graph of a pipeline job: its nodes, of which each needs what from the bindings that the job was submitted with.

A pipeline inside the pipeline is a component, which has the nodes and bindings in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mlops_actions.aml.job import Node
from mlops_actions.summaries.flowchart import GraphNode

Component = Callable[[str], Mapping[str, Any]]
"""The specification of the component with an id; empty if it cannot be had."""

_BOUND = re.compile(r"\$\{\{\s*parent\.jobs\.([^.}\s]+)")
_LEADS_TO = frozenset({"true_block", "false_block", "body"})
"""Fields of control-flow nodes that name a node which comes after it."""

_DEEPEST = 8


def graph(jobs: Mapping[str, Any], nodes: Sequence[Node], component: Component) -> tuple[GraphNode, ...]:
    """The nodes of a job's definition with the states of those of `nodes` that have begun."""
    return _level(jobs, {node.name: node for node in nodes}, component, "")


def _level(
    jobs: Mapping[str, Any], begun: Mapping[str, Node], component: Component, inside: str
) -> tuple[GraphNode, ...]:
    after: dict[str, list[str]] = {}
    for name, definition in jobs.items():
        for target in _followers(definition):
            after.setdefault(target, []).append(name)
    found = []
    for name, definition in jobs.items():
        path = f"{inside}{name}"
        node = begun.get(path)
        within: tuple[GraphNode, ...] = ()
        if _is_pipeline(definition, node) and path.count("/") < _DEEPEST:
            spec = component(str(definition.get("componentId") or ""))
            within = _level(spec.get("jobs") or {}, begun, component, f"{path}/")
        state, reused = (node.status, node.reused is not None) if node else ("", False)
        found.append(GraphNode(name, state, reused, (*_needs(definition), *after.get(name, ())), within))
    return tuple(found)


def _is_pipeline(definition: Mapping[str, Any], node: Node | None) -> bool:
    return definition.get("type") == "pipeline" or (node is not None and node.is_pipeline)


def _followers(definition: Mapping[str, Any]) -> Iterator[str]:
    for key in _LEADS_TO & definition.keys():
        yield from _BOUND.findall(str(definition[key]))


def _needs(definition: Any, key: str = "") -> tuple[str, ...]:
    """The nodes whose outputs a definition is bound to, wherever in it."""
    if key in _LEADS_TO:
        return ()
    if isinstance(definition, Mapping):
        return tuple(name for inner, value in definition.items() for name in _needs(value, str(inner)))
    if isinstance(definition, list):
        return tuple(name for value in definition for name in _needs(value))
    return tuple(_BOUND.findall(definition)) if isinstance(definition, str) else ()
