"""Draws metrics: where the axes' marks are, and the lines between the values. Lengths are in the SVG's units."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import states
from .rendering import number
from .tracking import Point

WIDTH, HEIGHT = 420.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 10.0, 26.0
_TICKS = 5
_MOST_DOTS = 60
"""Beyond them dots hide the line."""
_LARGEST = sys.float_info.max / 1e3
"""Beyond it the axis itself would be infinite."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and what is written there."""

    at: float
    text: str


@dataclass(frozen=True)
class Dot:
    """A value: where, and what it says when it is pointed at."""

    x: float
    y: float
    told: str


@dataclass(frozen=True)
class Line:
    """The values of one run."""

    label: str
    path: str
    dots: list[Dot]
    last: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Plot:
    """A metric over the steps of training, or over time where there are no steps."""

    name: str
    unit: str
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    bottom: float = HEIGHT - _BOTTOM
    right: float = WIDTH - _RIGHT

    @property
    def told(self) -> str:
        """The drawing in words, for whoever does not see it."""
        each = (f"{line.label}: last {number(line.last)}, from {number(line.lowest)} to {number(line.highest)}"
                for line in self.lines)  # fmt: skip
        return f"{self.name} by {self.unit}. " + "; ".join(each)


def labels(runs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What each run is called in a plot, by its name: its display name, and its name where that is not enough."""
    shown = [states.title(run) for run in runs]
    return {
        str(run["name"]): label if shown.count(label) == 1 else f"{label} ({run['name']})"
        for run, label in zip(runs, shown, strict=True)
    }


def draw(name: str, series: Mapping[str, Sequence[Point]], *, unit: str = "step") -> Plot | None:
    """The plot of a metric for one or more runs; None if there is no line to draw: one value each."""
    drawn = {label: points for label, points in series.items() if points}
    if not any(len(points) > 1 for points in drawn.values()):
        return None
    by_step = any(len({point.step for point in points}) > 1 for points in drawn.values())
    values = {label: _values(points, by_step=by_step) for label, points in drawn.items()}
    if max(abs(y) for pairs in values.values() for _, y in pairs) > _LARGEST:
        return None
    x_low, x_high = _range([x for pairs in values.values() for x, _ in pairs])
    y_low, y_high = _range([y for pairs in values.values() for _, y in pairs])
    y_marks = _marks(y_low, y_high, around=True)
    y_low, y_high = y_marks[0], y_marks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - _LEFT - _RIGHT)
        return across, _TOP + (y_high - y) / (y_high - y_low) * (HEIGHT - _TOP - _BOTTOM)

    unit = unit if by_step else "seconds"
    lines = []
    for label, pairs in values.items():
        places = [place(x, y) for x, y in pairs]
        path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dots = [
            Dot(round(x, 1), round(y, 1), f"{label}, {unit} {number(pair[0])}: {number(pair[1])}")
            for (x, y), pair in zip(places, pairs, strict=True)
        ]
        ys = [y for _, y in pairs]
        shown = dots if len(dots) <= _MOST_DOTS else dots[-1:]
        lines.append(Line(label, path, shown, ys[-1], min(ys), max(ys)))
    return Plot(
        name=name,
        unit=unit,
        lines=lines,
        x_ticks=[Tick(round(place(x, y_low)[0], 1), number(x)) for x in _marks(x_low, x_high, whole=by_step)],
        y_ticks=[Tick(round(place(x_low, y)[1], 1), number(y)) for y in y_marks],
    )


def _values(points: Sequence[Point], *, by_step: bool) -> list[tuple[float, float]]:
    if by_step:
        return [(float(point.step), point.value) for point in points]
    began = min(point.time for point in points)
    return sorted((point.time - began, point.value) for point in points)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    # A range that floats can hardly tell apart is none.
    if high - low <= max(abs(low), abs(high)) * 1e-9 or high - low < sys.float_info.min * 1e9:
        margin = abs(low) / 10 if abs(low) > sys.float_info.min * 1e9 else 1.0
        return low - margin, high + margin
    return low, high


def _marks(low: float, high: float, *, whole: bool = False, around: bool = False) -> list[float]:
    """Some five round numbers between the two, or `around` them (P. Heckbert, "Nice Numbers for Graph Labels")."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((m * power for m in (1, 2, 5) if m * power >= rough), 10 * power)
    if whole:
        step = max(1.0, step)
    first, last = math.ceil(low / step), math.floor(high / step)
    if around:
        first, last = math.floor(low / step), math.ceil(high / step)
    return [mark * step for mark in range(first, last + 1)] or [low]
