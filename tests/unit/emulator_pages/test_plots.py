"""Plots of metrics: what is drawn, and that no value that MLflow keeps makes them fail."""

from __future__ import annotations

import math
import re

import pytest

from azureml_emulator.pages.plots import HEIGHT, WIDTH, Plot, draw, labels
from azureml_emulator.pages.tracking import Point


def by_step(*values: float) -> list[Point]:
    return [Point(step, 1e9 + step, value) for step, value in enumerate(values)]


def places(plot: Plot) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for line in plot.lines for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", line.path)]


def drawn(series: dict[str, list[Point]]) -> Plot:
    plot = draw("loss", series)
    assert plot is not None
    return plot


def test_a_falling_line_falls_on_the_screen() -> None:
    (first, second, third) = places(drawn({"train": by_step(3, 2, 1)}))
    assert first[0] < second[0] < third[0]
    assert first[1] < second[1] < third[1]  # The y axis of a screen goes down.


def test_marks_are_round_and_around_the_values() -> None:
    plot = drawn({"train": by_step(0.13, 0.87)})
    assert [tick.text for tick in plot.y_ticks] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]


def test_steps_are_marked_by_whole_numbers() -> None:
    assert [tick.text for tick in drawn({"train": by_step(1, 2, 3)}).x_ticks] == ["0", "1", "2"]


def test_values_without_steps_are_drawn_over_time() -> None:
    plot = drawn({"train": [Point(0, 1000.0, 1.0), Point(0, 1010.0, 2.0)]})
    assert plot.unit == "seconds"
    assert plot.lines[0].dots[-1].told == "train, seconds 10: 2"


def test_one_value_is_no_line() -> None:
    assert draw("loss", {"train": by_step(1), "test": []}) is None


def test_a_second_run_of_one_value_is_a_dot_among_lines() -> None:
    plot = drawn({"train": by_step(1, 2), "once": by_step(1.5)})
    assert [len(line.dots) for line in plot.lines] == [2, 1]


def test_many_values_are_a_line_with_a_dot_at_its_end() -> None:
    assert len(drawn({"train": by_step(*range(300))}).lines[0].dots) == 1


@pytest.mark.parametrize(
    "values",
    [
        (5, 5, 5),
        (0, 0),
        (1e-320, 0),
        (1e300, -1e300),
        (-1e-9, 1e9),
        (123456789.123, 123456789.124),
        (1e15, 1e15 + 1),
    ],
)
def test_all_places_are_on_the_drawing(values: tuple[float, ...]) -> None:
    for x, y in places(drawn({"train": by_step(*values)})):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
        assert math.isfinite(x + y)


def test_values_at_the_end_of_what_numbers_can_be_are_not_drawn() -> None:
    assert draw("loss", {"train": by_step(1.7e308, -1.7e308)}) is None


def test_runs_of_one_name_are_told_apart() -> None:
    runs = [{"name": name, "display_name": "train", "parent": None} for name in "ab"]
    assert labels(runs) == {"a": "train (a)", "b": "train (b)"}
    assert labels(runs[:1]) == {"a": "train"}
