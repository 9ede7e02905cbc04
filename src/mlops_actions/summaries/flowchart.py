"""A graph of a pipeline's nodes as a Mermaid flowchart: colours for states, pipelines inside it as boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mlops_actions.summaries.mermaid import fenced, label

MOST_NODES, MOST_EDGES = 150, 400
LONGEST = 30_000
"""Characters of nodes. Mermaid draws no more than 500 edges and 50,000 characters (its `maxEdges`, `maxTextSize`)."""

_CLASSES = {
    "completed": "fill:#dafbe1,stroke:#1a7f37,color:#0a3d18",
    "reused": "fill:#ddf4ff,stroke:#0969da,color:#0a3069,stroke-dasharray:5 3",
    "running": "fill:#fff8c5,stroke:#9a6700,color:#4d2d00",
    "failed": "fill:#ffcecb,stroke:#cf222e,color:#660018,stroke-width:3px",
    "ended": "fill:#eaeef2,stroke:#6e7781,color:#24292f",
    "waiting": "fill:#ffffff,stroke:#8c959f,color:#57606a,stroke-dasharray:2 3",
}
"""Fill, border and text, each of its own, so that it is readable on GitHub's light and dark pages alike."""

_MARKS = {"completed": "✓", "reused": "↻", "running": "▶", "failed": "✗", "ended": "■", "waiting": "○"}
"""For those who cannot tell the colours apart; and so that no name begins its line, see `mermaid.label`."""

_BOX = "fill:#f6f8fa,stroke:{stroke},color:#24292f"
_STATES = {
    "Completed": "completed",
    "Finished": "completed",
    "Failed": "failed",
    "NotResponding": "failed",
    "Running": "running",
    "Finalizing": "running",
    "Canceled": "ended",
    "CancelRequested": "ended",
    "Paused": "ended",
}


@dataclass(frozen=True)
class GraphNode:
    """A node: its name, its state as Azure ML calls it (empty: not begun), the nodes that it needs, and those in it."""

    name: str
    state: str = ""
    reused: bool = False
    needs: tuple[str, ...] = ()
    inside: tuple[GraphNode, ...] = ()


@dataclass
class _Drawing:
    lines: list[str] = field(default_factory=list)
    nodes: int = 0
    length: int = 0
    left_out: int = 0
    edges: int = 0
    edges_left_out: int = 0
    classes: dict[str, list[str]] = field(default_factory=dict)
    boxes: list[tuple[str, str]] = field(default_factory=list)


def flowchart(nodes: Sequence[GraphNode]) -> str:
    """The diagram, and a line that says what of it was left out."""
    drawing = _Drawing()
    _draw(drawing, nodes, "n", "    ")
    lines = ["flowchart TD", *drawing.lines]
    for name, members in drawing.classes.items():
        lines += [f"    classDef {name} {_CLASSES[name]}", f"    class {','.join(members)} {name}"]
    for box, state in drawing.boxes:
        stroke = _CLASSES[state].partition("stroke:")[2].partition(",")[0]
        lines.append(f"    style {box} {_BOX.format(stroke=stroke)}")
    cut = [f"{drawing.left_out} more nodes"] * bool(drawing.left_out)
    cut += [f"{drawing.edges_left_out} more edges"] * bool(drawing.edges_left_out)
    note = f"\n\nNot drawn: {' and '.join(cut)}, more than Mermaid draws." if cut else ""
    return fenced(lines) + note


def _draw(drawing: _Drawing, nodes: Sequence[GraphNode], prefix: str, indent: str) -> None:
    """Draw the nodes, and the edges between them. Ids are numbers: no name can be one of Mermaid's words."""
    ids: dict[str, str] = {}
    for number, node in enumerate(nodes):
        if drawing.nodes >= MOST_NODES or drawing.length >= LONGEST:
            drawing.left_out += _count(nodes[number:])
            break
        drawing.nodes += 1
        drawing.length += len(label(node.name)) + len(label(_told(node)))
        ids[node.name] = identity = f"{prefix}{number}"
        if node.inside:
            drawing.lines.append(
                f'{indent}subgraph {identity}["{_MARKS[_class(node)]} {label(node.name)}: {label(_told(node))}"]'
            )
            _draw(drawing, node.inside, f"{identity}_", f"{indent}    ")
            drawing.lines.append(f"{indent}end")
            drawing.boxes.append((identity, _class(node)))
        else:
            drawing.lines.append(
                f'{indent}{identity}["{_MARKS[_class(node)]} {label(node.name)}<br>{label(_told(node))}"]'
            )
            drawing.classes.setdefault(_class(node), []).append(identity)
    for source, target in _edges(nodes, ids):
        if drawing.edges < MOST_EDGES:
            drawing.lines.append(f"{indent}{source} --> {target}")
            drawing.edges += 1
        else:
            drawing.edges_left_out += 1


def _edges(nodes: Sequence[GraphNode], ids: dict[str, str]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        for name in dict.fromkeys(node.needs):
            if node.name in ids and name in ids and name != node.name:
                yield ids[name], ids[node.name]


def _count(nodes: Sequence[GraphNode]) -> int:
    return sum(1 + _count(node.inside) for node in nodes)


def _class(node: GraphNode) -> str:
    return "reused" if node.reused else _STATES.get(node.state, "waiting")


def _told(node: GraphNode) -> str:
    return f"{node.state}, reused" if node.reused else node.state or "not begun"
