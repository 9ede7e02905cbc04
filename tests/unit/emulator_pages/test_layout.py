"""The layered drawing of graphs: every edge leads down, boxes keep their distance, and a circle does no harm."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from azureml_emulator.pages.layout import GAP, Drawing, Key, Pair, draw

SIZE = (200.0, 50.0)


def node(name: object) -> Key:
    return ("node", str(name))


def drawn(count: int, edges: list[tuple[int, int]]) -> Drawing:
    return draw({node(n): SIZE for n in range(count)}, [(node(a), node(b)) for a, b in edges])


def assert_apart(drawing: Drawing) -> None:
    for one, other in combinations(drawing.boxes.values(), 2):
        beside = one.x + one.width + GAP <= other.x + 0.1 or other.x + other.width + GAP <= one.x + 0.1
        assert beside or one.y + one.height < other.y or other.y + other.height < one.y


def test_what_is_read_stands_above_what_reads_it() -> None:
    edges = [(0, 1), (1, 2), (0, 3), (3, 2), (0, 2)]
    drawing = drawn(4, edges)
    for source, target in edges:
        assert drawing.boxes[node(source)].y + SIZE[1] < drawing.boxes[node(target)].y
    assert set(drawing.paths) == {(node(a), node(b)) for a, b in edges}


def test_a_chain_is_straight() -> None:
    drawing = drawn(3, [(0, 1), (1, 2)])
    assert len({box.x for box in drawing.boxes.values()}) == 1
    assert drawing.width == pytest.approx(SIZE[0])


def test_an_input_of_one_late_node_stands_right_above_it() -> None:
    drawing = drawn(4, [(0, 1), (1, 2), (3, 2)])
    assert drawing.boxes[node(3)].y == drawing.boxes[node(1)].y


def test_edges_that_need_not_cross_do_not() -> None:
    # In the order given, both would.
    drawing = drawn(4, [(0, 3), (1, 2)])
    left, right = (drawing.boxes[node(n)].middle for n in (0, 1))
    assert (left < right) == (drawing.boxes[node(3)].middle < drawing.boxes[node(2)].middle)


def test_an_edge_passes_beside_the_boxes_between() -> None:
    drawing = drawn(3, [(0, 1), (1, 2), (0, 2)])
    box = drawing.boxes[node(1)]
    path = drawing.paths[node(0), node(2)]
    passed = float(path.split("V")[0].rsplit(" ", 1)[1].split(",")[0])
    assert not box.x <= passed <= box.x + box.width


@pytest.mark.parametrize("edges", [[(0, 1), (1, 0)], [(0, 0)], [(0, 1), (1, 2), (2, 0)]])
def test_a_circle_and_an_edge_to_nowhere_are_left_out(edges: list[tuple[int, int]]) -> None:
    unknown: Pair = (node(0), node("nobody"))
    drawing = draw({node(n): SIZE for n in range(3)}, [*((node(a), node(b)) for a, b in edges), unknown])
    assert len(drawing.boxes) == 3
    assert unknown not in drawing.paths
    assert_apart(drawing)


@pytest.mark.parametrize("seed", range(20))
def test_boxes_keep_apart_and_inside_in_any_graph(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    count = chance.randrange(1, 25)
    edges = [(a, b) for a in range(count) for b in range(a + 1, count) if chance.random() < 0.15]
    drawing = drawn(count, edges)
    assert len(drawing.boxes) == count
    assert_apart(drawing)
    for box in drawing.boxes.values():
        assert -0.1 <= box.x <= drawing.width - box.width + 0.1
        assert 0 <= box.y <= drawing.height - box.height + 0.1
    for source, target in edges:
        assert drawing.boxes[node(source)].y < drawing.boxes[node(target)].y


def test_nothing_to_draw() -> None:
    assert draw({}, []) == Drawing({}, {}, 0, 0)
