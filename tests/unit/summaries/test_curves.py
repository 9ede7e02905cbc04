"""Curves: which lines are in which chart, at which steps, in which numbers."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.summaries.curves import MOST_CHARTS, Curve, curves
from tests.hostile_texts import HOSTILE

NUMBER = r"-?\d+(?:\.\d+)?"
LABEL = r'"(?:[^\W_]| |#\d+;)*"'
AXIS = rf"(?:{NUMBER} --> {NUMBER}|\[{NUMBER}(?:, {NUMBER})*\])"
# What xychart's grammar takes of what is written here: no number with an exponent, and no text without quotes.
CHART = re.compile(
    rf"""```mermaid
%%\{{init: \{{"themeVariables": \{{"xyChart": \{{"plotColorPalette": "[#,0-9a-f]+"\}}\}}\}}\}}%%
xychart-beta
    title {LABEL}
    x-axis "step" {AXIS}
    y-axis {LABEL} {NUMBER} --> {NUMBER}
(?:    line \[{NUMBER}(?:, {NUMBER})*\]
)+```"""
)


def curve(name: str, *values: float, first: int = 1, apart: int = 1) -> Curve:
    return Curve(name, tuple((first + apart * number, value) for number, value in enumerate(values)))


def numbers(line: str) -> list[float]:
    return [float(number) for number in line.partition("[")[2].rstrip("]").split(", ")]


def lines(chart: str) -> list[list[float]]:
    return [numbers(line.strip()) for line in chart.splitlines() if line.startswith("    line ")]


def test_metrics_of_one_quantity_are_in_one_chart() -> None:
    given = [
        "training_loss",
        "val_loss",
        "loss",
        "accuracy",
        "validation/accuracy",
        "test-accuracy",
        "train",
        "learning_rate",
    ]
    charts = curves([curve(name, 3, 2, 1) for name in given])
    assert [chart.splitlines()[0] for chart in charts] == [
        "🟦 accuracy · 🟧 test-accuracy · 🟩 validation/accuracy",
        "🟦 learning_rate",
        "🟦 loss · 🟧 training_loss · 🟩 val_loss",
        "🟦 train",
    ]
    for chart in charts:
        assert CHART.fullmatch(chart.partition("\n\n")[2])


def test_the_points_are_those_that_were_logged() -> None:
    (chart,) = curves([curve("loss", 1.25, 0.5, 0.125), curve("val_loss", 1.5, 0.75, 0.25)])
    assert '    x-axis "step" [1, 2, 3]' in chart
    assert lines(chart) == [[1.25, 0.5, 0.125], [1.5, 0.75, 0.25]]
    assert '    y-axis "loss" 0.05625 --> 1.56875' in chart


def test_many_points_are_thinned_and_keep_their_ends() -> None:
    (chart,) = curves([curve("loss", *(1 / number for number in range(1, 1002)), first=10, apart=10)])
    (drawn,) = lines(chart)
    assert '    x-axis "step" 10 --> 10010' in chart
    assert (len(drawn), drawn[0], drawn[-1]) == (65, 1.0, round(1 / 1001, 6))
    assert drawn == sorted(drawn, reverse=True)


def test_points_that_are_not_evenly_apart_are_put_where_they_belong() -> None:
    (chart,) = curves(
        [Curve("x", ((0, 0.0), (32, 32.0), (64, 0.0))), Curve("val_x", ((0, 64.0), (8, 56.0), (64, 0.0)))]
    )
    falling, rising = lines(chart)
    assert rising == [*map(float, range(33)), *map(float, range(31, -1, -1))]
    assert falling == [float(number) for number in range(64, -1, -1)]


def test_curves_that_do_not_span_the_same_steps_are_apart() -> None:
    assert len(curves([curve("loss", 3, 2, 1), curve("val_loss", 3, 2)])) == 2


@pytest.mark.parametrize(
    ("values", "unit", "drawn"),
    [
        ((1e-7, 2.5e-7), "loss in 1e-7", [1, 2.5]),
        ((1e9, -2e9), "loss in 1e9", [1, -2]),
        ((0.0, 0.0), "loss", [0, 0]),
        ((100000.0, 99999.0), "loss", [100000, 99999]),
    ],
)
def test_numbers_of_any_size(values: tuple[float, float], unit: str, drawn: list[float]) -> None:
    (chart,) = curves([curve("loss", *values)])
    assert CHART.fullmatch(chart.partition("\n\n")[2])
    assert f'    y-axis "{unit.replace("-", "#45;")}" ' in chart
    assert lines(chart) == [drawn]


def test_what_is_no_curve() -> None:
    assert curves([curve("once", 1), Curve("never", ()), curve("broken", math.nan, 1, math.inf)]) == []
    (chart,) = curves([curve("hurt", 4, math.nan, 2)])
    assert lines(chart) == [[4, 2]]


def test_what_is_too_much_is_told() -> None:
    *charts, note = curves([curve(f"metric{number:02}", 1, 2) for number in range(15)])
    assert len(charts) == MOST_CHARTS
    assert note == "Not drawn: 3 more metrics, metric12, metric13, metric14."
    many = curves([curve(f"{'test_' * number}loss", 1, 2) for number in range(8)])
    assert [len(lines(chart)) for chart in many] == [6, 2]


@pytest.mark.parametrize("name", HOSTILE.values())
def test_no_name_is_more_than_a_label(name: str) -> None:
    (chart,) = curves([curve(name or "x", 1, 2)])
    legend, _, block = chart.partition("\n\n")
    assert "\n" not in legend
    assert CHART.fullmatch(block)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(allow_nan=True)), max_size=30))
def test_whatever_was_logged_is_a_chart_or_nothing(points: list[tuple[int, float]]) -> None:
    for chart in curves([Curve("loss", tuple(sorted(dict(points).items())))]):
        assert CHART.fullmatch(chart.partition("\n\n")[2])
