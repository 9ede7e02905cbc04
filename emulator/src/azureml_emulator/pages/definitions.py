"""What a run was asked to do: the nodes of a pipeline, and the inputs of a run with where they came from.

All of it is read from the job as it was submitted and from components: a node that has not begun is shown, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..assets import find
from ..context import Context
from ..errors import ServiceError
from ..jobs.runs import Runs
from . import trials

_NODE_OUTPUT = re.compile(r"\$\{\{\s*parent\.jobs\.([\w-]+)\.outputs\.([\w-]+)\s*\}\}")
_PARENT_INPUT = re.compile(r"\s*\$\{\{\s*parent\.inputs\.([\w.-]+)\s*\}\}\s*")
_PARENT_OUTPUT = re.compile(r"\s*\$\{\{\s*parent\.outputs\.([\w-]+)\s*\}\}\s*")
_DEEPEST = 16
"""How many pipelines in one another are followed: a limit for definitions that are in a circle."""

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Node:
    """A node of a pipeline."""

    name: str
    label: str
    kind: str
    spec: Spec
    component: str | None

    def reads(self) -> Iterator[tuple[str, str]]:
        """The nodes and their outputs that it reads."""
        for value in _given(self.spec.get("inputs")).values():
            yield from _NODE_OUTPUT.findall(str(_value(value)))

    def parent_inputs(self) -> Iterator[str]:
        """The inputs of the pipeline that it reads."""
        for value in _given(self.spec.get("inputs")).values():
            if match := _PARENT_INPUT.fullmatch(str(_value(value))):
                yield match[1]

    def parent_outputs(self) -> Iterator[str]:
        """The outputs of the pipeline that it writes."""
        for value in _given(self.spec.get("outputs")).values():
            if match := _PARENT_OUTPUT.fullmatch(str(_value(value))):
                yield match[1]


@dataclass(frozen=True)
class Input:
    """An input of a run: a literal `value`, or files at `uri` (a URI or an asset's id); `run` wrote them."""

    name: str
    value: str | None = None
    uri: str | None = None
    run: str | None = None
    output: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Definitions:
    """Reads definitions; made anew for each page, since it remembers what it has read."""

    context: Context
    runs: Runs
    _children: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _inputs: dict[str, list[Input]] = field(default_factory=dict)

    def job(self, name: str) -> dict[str, Any] | None:
        """The job resource, or None for a child run."""
        return self.context.store.get("jobs", f"{self.context.workspace_id}/jobs/{name}")

    def component(self, identity: object) -> Spec:
        """The specification of a component; empty if it is none that is known."""
        try:
            return dict(find(self.context, "components", str(identity))["properties"]["componentSpec"])
        except (ServiceError, KeyError, TypeError):
            return {}

    def children(self, run: Spec) -> list[dict[str, Any]]:
        """The runs below a run, oldest first."""
        name = str(run["name"])
        if name not in self._children:
            self._children[name] = self.runs.children(name)
        return self._children[name]

    def descendants(self, run: Spec) -> Iterator[dict[str, Any]]:
        """All runs below a run, each parent before its children."""
        for child in self.children(run):
            yield child
            yield from self.descendants(child)

    def specification(self, run: Spec) -> Spec:
        """The run's own definition: the job's properties, or the node of the pipeline that it is in."""
        job = self.job(str(run["name"]))
        if job is not None:
            return dict(job["properties"] or {})
        node = self.node(run)
        if node is None and (sweep := self.sweep_of(run)):
            return self.specification(sweep)
        return {} if node is None else node.spec

    def sweep_of(self, run: Spec) -> Spec | None:
        """The sweep that this is a trial of; None if it is none."""
        parent = self.runs.get(str(run["parent"])) if run["parent"] else None
        return parent if parent is not None and trials.is_sweep(parent) else None

    def made_of(self, run: Spec) -> dict[str, str]:
        """The component, environment and code of a run, by these words; what it does not have is left out."""
        spec = self.specification(run)
        trial = spec.get("trial")
        if isinstance(trial, Mapping):
            spec = {**spec, **trial}
        component = spec.get("componentId") or spec.get("component") or trial
        component = component if isinstance(component, str) else None
        whole = {**self.component(component), **spec} if component else spec
        found = {
            "component": component,
            "environment": whole.get("environmentId") or whole.get("environment"),
            "code": whole.get("codeId") or whole.get("code"),
        }
        return {told: value for told, value in found.items() if isinstance(value, str) and value}

    def node(self, run: Spec, deep: int = 0) -> Node | None:
        """The node of a pipeline that this is a run of, or None."""
        parent = self.runs.get(str(run["parent"])) if run["parent"] else None
        if parent is None or deep > _DEEPEST:
            return None
        return self.nodes(parent, deep + 1).get(str(run["properties"].get("azureml.nodeName")))

    def nodes(self, run: Spec, deep: int = 0) -> dict[str, Node]:
        """The nodes of a pipeline by their names; none for a run that is no pipeline."""
        job = self.job(str(run["name"]))
        if job is not None:
            found = (job["properties"] or {}).get("jobs")
        else:
            node = self.node(run, deep)
            found = self.component(node.component).get("jobs") if node and node.component else None
        if not isinstance(found, Mapping):
            return {}
        return {name: self._node(name, spec) for name, spec in found.items() if isinstance(spec, Mapping)}

    def _node(self, name: str, spec: Spec) -> Node:
        component = spec.get("componentId") or spec.get("component")
        kind = str(spec.get("type") or "command")
        label = spec.get("display_name") or spec.get("displayName") or name
        return Node(name, str(label), kind, spec, component if isinstance(component, str) else None)

    def inputs(self, run: Spec, deep: int = 0) -> list[Input]:
        """The inputs of a run, with the values or files that they stood for."""
        name = str(run["name"])
        if name not in self._inputs:
            self._inputs[name] = list(self._read_inputs(run, deep)) if deep <= _DEEPEST else []
        return self._inputs[name]

    def _read_inputs(self, run: Spec, deep: int) -> Iterator[Input]:
        if sweep := self.sweep_of(run):
            sampled = trials.hyperparameters(run)
            yield from (Input(name, value=str(value), note="hyperparameter") for name, value in sampled.items())
            yield from (one for one in self.inputs(sweep, deep + 1) if one.name not in sampled)
            return
        given = _given(self.specification(run).get("inputs"))
        for name, spec in given.items():
            yield self._input(run, name, spec, deep)
        node = self.node(run) if run["parent"] else None
        for name, port in _given(self.component(node.component).get("inputs") if node else None).items():
            default = port.get("default") if isinstance(port, Mapping) else None
            if name not in given and default is not None:
                yield Input(name, value=str(default), note="default")

    def _input(self, run: Spec, name: str, spec: object, deep: int) -> Input:
        value = _value(spec)
        if run["parent"]:
            parent = self.runs.get(str(run["parent"]))
            if parent is not None and (match := _PARENT_INPUT.fullmatch(str(value))):
                above = {one.name: one for one in self.inputs(parent, deep + 1)}.get(match[1])
                return Input(name) if above is None else Input(name, above.value, above.uri, above.run, above.output)
            if parent is not None and (match := _NODE_OUTPUT.fullmatch(str(value).strip())):
                return self._output(parent, name, match[1], match[2])
        is_literal = not isinstance(spec, Mapping) or "value" in spec
        return Input(name, value=str(value)) if is_literal else Input(name, uri=str(value))

    def _output(self, parent: Spec, name: str, node: str, output: str) -> Input:
        for child in reversed(self.children(parent)):
            if child["properties"].get("azureml.nodeName") == node:
                uri = (child["outputs"].get(output) or {}).get("uri")
                return Input(name, uri=uri, run=child["name"], output=output)
        return Input(name, note=f"of node {node}, which has not begun")


def _given(section: object) -> dict[str, Any]:
    return dict(section) if isinstance(section, Mapping) else {}


def _value(spec: object) -> object:
    """A literal, or where the files are; inputs are objects in jobs, and may be plain values in components."""
    if not isinstance(spec, Mapping):
        return spec
    return next((spec[key] for key in ("value", "uri", "path") if spec.get(key) is not None), "")
