"""A pipeline as a drawing: its nodes with the states of their runs, the data that goes in and the outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..jobs import runs
from . import layout, states
from .definitions import Definitions, Node
from .layout import Box
from .rendering import duration, seconds_between, url

_NODE = (216.0, 58.0)
_DATA = (168.0, 34.0)
_CHARACTERS = {"node": 25, "data": 19}
"""How many of them fit into a box's width, at the size of its letters."""


@dataclass(frozen=True)
class Shown:
    """A box of the drawing: a `node`, or `data` at the beginning or the end."""

    kind: str
    name: str
    label: str
    box: Box
    href: str | None = None
    status: str | None = None
    told: str = ""

    @property
    def short(self) -> str:
        """The label, cut to what the box holds."""
        room = _CHARACTERS[self.kind]
        return self.label if len(self.label) <= room else self.label[: room - 1] + "…"


@dataclass(frozen=True)
class Arrow:
    """An edge of the drawing; `done` if what it carries is there."""

    path: str
    told: str
    done: bool


@dataclass(frozen=True)
class Graph:
    """The drawing, in the SVG's units."""

    boxes: list[Shown]
    arrows: list[Arrow]
    width: float
    height: float


def of(definitions: Definitions, run: Mapping[str, Any]) -> Graph | None:
    """The graph of a pipeline's run; None for another kind of run."""
    nodes = definitions.nodes(run)
    if not nodes:
        return None
    # Of a node that ran more than once the last run counts.
    latest = {child["properties"].get("azureml.nodeName"): child for child in definitions.children(run)}
    files = {one.name: one for one in definitions.inputs(run) if one.value is None}
    edges = _edges(nodes, set(files))
    linked = dict.fromkeys(key for edge in edges for key in edge)
    # Data first: where nothing else decides, it so stays to the left.
    sizes = {key: _DATA for key in linked if key[0] != "node"} | {("node", name): _NODE for name in nodes}
    drawing = layout.draw(sizes, list(edges))
    boxes = [
        _node(nodes[name], latest.get(name), run, box) if kind == "node" else _data(kind, name, box, run)
        for (kind, name), box in drawing.boxes.items()
    ]
    arrows = [Arrow(path, edges[edge], _done(edge[0], latest)) for edge, path in drawing.paths.items()]
    return Graph(boxes, arrows, drawing.width, drawing.height)


def _edges(nodes: Mapping[str, Node], files: set[str]) -> dict[layout.Pair, str]:
    """The edges by their ends, each with the names of what goes along it."""
    told: dict[layout.Pair, list[str]] = {}
    for name, node in nodes.items():
        for source, output in node.reads():
            told.setdefault((("node", source), ("node", name)), []).append(output)
        for given in node.parent_inputs():
            if given in files:
                told.setdefault((("input", given), ("node", name)), []).append(given)
        for output in node.parent_outputs():
            told.setdefault((("node", name), ("output", output)), []).append(output)
    return {edge: ", ".join(sorted(set(names))) for edge, names in told.items()}


def _done(source: layout.Key, latest: Mapping[str, Mapping[str, Any]]) -> bool:
    kind, name = source
    return kind != "node" or (name in latest and latest[name]["status"] == runs.COMPLETED)


def _node(node: Node, child: Mapping[str, Any] | None, parent: Mapping[str, Any], box: Box) -> Shown:
    if child is None:
        status = "Not run" if states.ended(parent) else runs.NOT_STARTED
        return Shown("node", node.name, node.label, box, None, status, node.kind)
    took = seconds_between(child["startTimeUtc"], child["endTimeUtc"])
    kind = states.kind(child) if states.kind(child) != "node" else node.kind
    parts = [duration(took) if took is not None else "", kind if kind != "command" or took is None else ""]
    told = " · ".join(part for part in parts if part)
    href = url("jobs", str(child["name"]))
    return Shown("node", node.name, node.label, box, href, states.shown(child), told)


def _data(kind: str, name: str, box: Box, run: Mapping[str, Any]) -> Shown:
    return Shown("data", name, name, box, url("jobs", str(run["name"])) + f"#{kind}s", None, kind)
