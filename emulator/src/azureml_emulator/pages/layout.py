"""Lays a directed graph out in layers, for a drawing from top to bottom.

The steps are those of K. Sugiyama, S. Tagawa and M. Toda, "Methods for Visual Understanding of Hierarchical System
Structures" (1981): layers by the longest path, an order in each layer that avoids crossings (by barycentres), and
places close to the neighbours'. Lengths are in the SVG's units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP, LAYER_GAP = 28.0, 56.0
_SWEEPS = 12
_BEND = "bend"
_NARROW = 12.0
"""The width that an edge takes in a layer which it only passes."""

Key = tuple[str, str]
"""A kind and a name."""
Pair = tuple[Key, Key]


@dataclass(frozen=True)
class Box:
    """Where a node is: its upper left corner, and how large it is."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The x of its centre."""
        return self.x + self.width / 2


@dataclass(frozen=True)
class Drawing:
    """A laid out graph: boxes by node, the SVG path of each edge, and how large it is as a whole."""

    boxes: Mapping[Key, Box]
    paths: Mapping[Pair, str]
    width: float
    height: float


@dataclass
class _Layers:
    """Nodes in layers; an edge that passes layers has a stand-in in each of them."""

    rows: list[list[Key]]
    above: dict[Key, list[Key]] = field(default_factory=dict)
    below: dict[Key, list[Key]] = field(default_factory=dict)
    routes: dict[Pair, list[Key]] = field(default_factory=dict)

    def link(self, upper: Key, lower: Key) -> None:
        self.below.setdefault(upper, []).append(lower)
        self.above.setdefault(lower, []).append(upper)


def draw(sizes: Mapping[Key, tuple[float, float]], edges: Sequence[Pair]) -> Drawing:
    """Lay out nodes of these sizes (width, height). Edges in a circle, to itself or to an unknown node are left out."""
    layers = _stack(sizes, _without_circles(sizes, edges))
    _order(layers)
    centres = _place(layers, {key: width for key, (width, _) in sizes.items()})
    tops, y = [], 0.0
    for row in layers.rows:
        tops.append(y)
        y += max((sizes[key][1] for key in row if key in sizes), default=0) + LAYER_GAP
    left = min((centres[key] - sizes[key][0] / 2 for key in sizes), default=0)
    boxes = {
        key: Box(centres[key] - sizes[key][0] / 2 - left, tops[depth], *sizes[key])
        for depth, row in enumerate(layers.rows)
        for key in row
        if key in sizes
    }
    depths = {key: depth for depth, row in enumerate(layers.rows) for key in row}
    paths = {}
    for (source, target), route in layers.routes.items():
        bends = [(centres[key] - left, tops[depths[key]]) for key in route]
        start = (boxes[source].middle, boxes[source].y + boxes[source].height)
        paths[source, target] = _curve([start, *bends, (boxes[target].middle, boxes[target].y)])
    width = max((box.x + box.width for box in boxes.values()), default=0)
    return Drawing(boxes, paths, width, max(y - LAYER_GAP, 0))


def _without_circles(nodes: Mapping[Key, object], edges: Sequence[Pair]) -> list[Pair]:
    """The edges, each once, in an order of the nodes in which all lead forward; the others are dropped."""
    wanted = [(a, b) for a, b in dict.fromkeys(edges) if a in nodes and b in nodes and a != b]
    left, order = list(nodes), dict[Key, int]()
    while left:
        targets = {b for a, b in wanted if a not in order}
        free = [key for key in left if key not in targets] or left[:1]
        for key in free:
            order[key] = len(order)
        left = [key for key in left if key not in order]
    return sorted((e for e in wanted if order[e[0]] < order[e[1]]), key=lambda e: order[e[0]])


def _stack(nodes: Mapping[Key, object], edges: Sequence[Pair]) -> _Layers:
    depth = dict.fromkeys(nodes, 0)
    for source, target in edges:
        depth[target] = max(depth[target], depth[source] + 1)
    read = {target for _, target in edges}
    for key in nodes:
        # What nothing leads to stands right above what reads it first.
        readers = [depth[target] for source, target in edges if source == key]
        if key not in read and readers:
            depth[key] = min(readers) - 1
    layers = _Layers([[] for _ in range(max(depth.values(), default=-1) + 1)])
    for key in nodes:
        layers.rows[depth[key]].append(key)
    for source, target in edges:
        previous, route = source, list[Key]()
        for row in range(depth[source] + 1, depth[target]):
            stand_in = (_BEND, f"{source} {target} {row}")
            layers.rows[row].append(stand_in)
            layers.link(previous, stand_in)
            route.append(stand_in)
            previous = stand_in
        layers.link(previous, target)
        layers.routes[source, target] = route
    return layers


def _order(layers: _Layers) -> None:
    """Change the order in each layer so that few edges cross."""
    best, fewest = [list(row) for row in layers.rows], _crossings(layers)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        rows = layers.rows if down else layers.rows[::-1]
        for fixed, row in pairwise(rows):
            neighbours = layers.above if down else layers.below
            row[:] = _by_barycentre(row, fixed, neighbours)
        if (crossings := _crossings(layers)) < fewest:
            best, fewest = [list(row) for row in layers.rows], crossings
    layers.rows[:] = best


def _by_barycentre(row: Sequence[Key], fixed: Sequence[Key], neighbours: Mapping[Key, Sequence[Key]]) -> list[Key]:
    place = {key: float(number) for number, key in enumerate(fixed)}
    weights = {key: _mean([place[near] for near in neighbours.get(key, [])], number) for number, key in enumerate(row)}
    return sorted(row, key=weights.__getitem__)


def _crossings(layers: _Layers) -> int:
    count = 0
    for upper, lower in pairwise(layers.rows):
        place = {key: number for number, key in enumerate(lower)}
        ends = [place[below] for key in upper for below in sorted(layers.below.get(key, []), key=place.__getitem__)]
        count += sum(ends[i] > ends[j] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return count


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _place(layers: _Layers, widths: Mapping[Key, float]) -> dict[Key, float]:
    """The x of each node's centre: near its neighbours', in the order of its layer, and with a gap between nodes."""
    centres: dict[Key, float] = {}
    for row in layers.rows:
        centres.update(zip(row, _spread(row, [0.0] * len(row), widths), strict=True))
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbours = layers.above if down else layers.below
        for row in layers.rows if down else layers.rows[::-1]:
            wanted = [_mean([centres[k] for k in neighbours.get(key, [])], centres[key]) for key in row]
            centres.update(zip(row, _spread(row, wanted, widths), strict=True))
    return centres


def _spread(row: Sequence[Key], wanted: Sequence[float], widths: Mapping[Key, float]) -> list[float]:
    """The places closest to the wanted ones (in the sum of squares) that keep order and distance.

    Without the distances that is isotonic regression, which the pooling of adjacent violators solves.
    """
    shifts, shift = [0.0], 0.0
    for one, other in pairwise(row):
        shift += (widths.get(one, _NARROW) + widths.get(other, _NARROW)) / 2 + GAP
        shifts.append(shift)
    pools: list[list[float]] = []
    for place, moved in zip(wanted, shifts, strict=False):
        pools.append([place - moved])
        while len(pools) > 1 and _mean(pools[-2], 0) > _mean(pools[-1], 0):
            last = pools.pop()
            pools[-1] += last
    level = [_mean(pool, 0) for pool in pools for _ in pool]
    return [place + moved for place, moved in zip(level, shifts, strict=False)]


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """An SVG path through the points that leaves each of them straight down."""
    x, y = points[0]
    path = f"M{x:.1f},{y:.1f}"
    for to_x, to_y in points[1:]:
        middle = (y + to_y) / 2
        path += f"C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}"
        x, y = to_x, to_y
    return path
