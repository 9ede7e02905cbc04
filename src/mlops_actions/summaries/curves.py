"""Metrics over their steps as Mermaid charts: one for each quantity, with a line for each metric of it.

xychart-beta is drawn by every version that GitHub has had since Mermaid 10.5, and newer ones still take it by this
name. It has no legend, so there is one above each chart, in colours that both have.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mlops_actions.markdown import table_cell
from mlops_actions.summaries.mermaid import fenced, label

MOST_CHARTS, MOST_LINES = 12, 6
_MOST_POINTS = 100
_MOST_NAMED = 20
_INTERVALS = 64
"""Of a longer curve: a power of 2, because Mermaid adds up the interval, and loses the last point to a rounding."""

_COLOURS = {"🟦": "#0969da", "🟧": "#e16f24", "🟩": "#1a7f37", "🟥": "#cf222e", "🟪": "#8250df", "🟫": "#8a5a3b"}
_MARGIN = 0.05
_PLAIN = range(-3, 6)
"""Powers of ten of numbers that are written as they are: Mermaid's charts have no other notation (1e-7)."""
_SMALLEST = -300
"""Below it there is no power of ten that could be divided by."""

# Metrics of one quantity, measured on several data sets, belong in one chart.
_DATA_SETS = re.compile(
    r"(?:^|(?<=[_./ -]))(?:train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?|eval)(?:$|(?=[_./ -]))", re.IGNORECASE
)
_SEPARATORS = re.compile(r"[_./ -]{2,}")


@dataclass(frozen=True)
class Curve:
    """A metric's values by its steps, which rise."""

    name: str
    points: tuple[tuple[int, float], ...]

    @property
    def quantity(self) -> str:
        """What is measured: `loss` for `val_loss`."""
        without = _DATA_SETS.sub("", self.name)
        if without == self.name:
            return self.name
        return _SEPARATORS.sub("_", without).strip("_./ -") or self.name


def curves(curves: Iterable[Curve]) -> list[str]:
    """The charts, as Markdown; and what was left out, if there are too many."""
    groups: dict[tuple[str, int, int], list[Curve]] = {}
    for curve in sorted(curves, key=lambda one: one.name):
        finite = tuple((step, value) for step, value in curve.points if math.isfinite(value))
        if len(finite) > 1:
            # The lines of a chart share its axis from end to end.
            key = (curve.quantity, finite[0][0], finite[-1][0])
            groups.setdefault(key, []).append(Curve(curve.name, finite))
    lines = [
        (key, group[at : at + MOST_LINES]) for key, group in groups.items() for at in range(0, len(group), MOST_LINES)
    ]
    charts = [_chart(key[0], group) for key, group in lines[:MOST_CHARTS]]
    if left := [curve.name for _, group in lines[MOST_CHARTS:] for curve in group]:
        charts.append(f"Not drawn: {len(left)} more metrics, {table_cell(', '.join(left))}.")
    return charts


def _chart(quantity: str, group: Sequence[Curve]) -> str:
    steps = _grid(group)
    lines = [[_at(curve.points, step) for step in steps] for curve in group]
    power = _power(value for line in lines for value in line)
    low, high = _range([value / 10**power for line in lines for value in line])
    unit = f" in 1e{power}" if power else ""
    colours = list(_COLOURS.items())[: len(group)]
    legend = " · ".join(f"{square} {table_cell(curve.name)}" for (square, _), curve in zip(colours, group, strict=True))
    palette = ",".join(colour for _, colour in colours)
    drawn = [f"    line [{', '.join(_number(value / 10**power) for value in line)}]" for line in lines]
    return f"{legend}\n\n" + fenced(
        [
            f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{palette}"}}}}}}}}%%',
            "xychart-beta",
            f'    title "{label(quantity)}"',
            f'    x-axis "step" {_axis(steps)}',
            f'    y-axis "{label(f"{quantity}{unit}")}" {_number(low)} --> {_number(high)}',
            *drawn,
        ]
    )


def _grid(group: Sequence[Curve]) -> list[float]:
    """The steps to draw at: evenly apart, as Mermaid takes them to be; the curves' own, if these are so and few."""
    own = [[step for step, _ in curve.points] for curve in group]
    intervals = {after - before for steps in own for before, after in pairwise(steps)}
    if len(intervals) == 1 and len(own[0]) <= _MOST_POINTS:
        return [float(step) for step in own[0]]
    first, last = own[0][0], own[0][-1]
    return [first + (last - first) * number / _INTERVALS for number in range(_INTERVALS + 1)]


def _axis(steps: Sequence[float]) -> str:
    """All steps if there is room to write them; else Mermaid chooses, also between two epochs."""
    if len(steps) <= _MOST_NAMED:
        return f"[{', '.join(map(_number, steps))}]"
    return f"{_number(steps[0])} --> {_number(steps[-1])}"


def _at(points: Sequence[tuple[int, float]], step: float) -> float:
    """The value at a step, on the straight line between the points beside it."""
    for (left, before), (right, after) in pairwise(points):
        if left <= step <= right:
            share = (step - left) / (right - left)
            return before * (1 - share) + after * share
    raise AssertionError("the grid lies within the points")


def _power(values: Iterable[float]) -> int:
    largest = max(map(abs, values))
    power = math.floor(math.log10(largest)) if largest else 0
    return 0 if power in _PLAIN else max(power, _SMALLEST)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * _MARGIN or abs(high) * _MARGIN or 1.0
    # No quantity that is never negative gets an axis that is.
    return (max(low - margin, 0.0) if low >= 0 else low - margin), high + margin


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
