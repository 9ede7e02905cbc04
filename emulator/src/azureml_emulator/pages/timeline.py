"""When the nodes of a pipeline ran, as bars along one axis of time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import states
from .rendering import duration, moment, url

WIDTH, ROW = 640.0, 26.0


@dataclass(frozen=True)
class Bar:
    """A run: `waited` is how far it had come when it began to run, in the SVG's units from its `x`."""

    label: str
    href: str
    status: str
    x: float
    y: float
    waited: float
    width: float
    told: str


@dataclass(frozen=True)
class Timeline:
    """Bars, the earliest first, and the time that the whole width stands for."""

    bars: list[Bar]
    height: float
    span: str
    width: float = WIDTH


def timeline(run: Mapping[str, Any], children: Sequence[Mapping[str, Any]]) -> Timeline | None:
    """The timeline of a run's children; None if there are none."""
    began = moment(run["createdUtc"])
    if not children or began is None:
        return None
    now = dt.datetime.now(dt.UTC)
    ends = [moment(child["endTimeUtc"]) or now for child in children]
    span = max((max(ends) - began).total_seconds(), 0.001)

    def place(at: dt.datetime | None) -> float:
        return min(max(((at or now) - began).total_seconds() / span, 0), 1) * WIDTH

    bars = []
    for number, (child, end) in enumerate(zip(children, ends, strict=True)):
        start, created = moment(child["startTimeUtc"]), moment(child["createdUtc"])
        x = place(created)
        waited = place(start or end) - x
        took = (end - start).total_seconds() if start else None
        queue = ((start or end) - created).total_seconds() if created else None
        told = f"waited {duration(queue)}, ran {duration(took)}"
        width = max(place(end) - x, 3)
        status = states.shown(child)
        label, href = states.title(child), url("jobs", str(child["name"]))
        bars.append(Bar(label, href, status, round(x, 1), number * ROW, round(waited, 1), round(width, 1), told))
    return Timeline(bars, len(children) * ROW, duration(span))
