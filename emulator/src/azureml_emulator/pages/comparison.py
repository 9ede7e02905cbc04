"""Runs side by side: states, durations, inputs, parameters and metrics, with what differs marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import plots, states
from .definitions import Definitions
from .rendering import NONE, duration, number, seconds_between
from .site import Site
from .tracking import Point, Unavailable

MOST = 8
_MOST_BELOW, _MOST_PLOTS = 100, 24

Run = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One property of all the runs; None where a run has none."""

    name: str
    cells: Sequence[str | None]

    @property
    def differs(self) -> bool:
        """Whether the runs are not all alike in it."""
        return len(set(self.cells)) > 1


def _rows(columns: Sequence[Mapping[str, str]]) -> list[Row]:
    names = dict.fromkeys(name for column in columns for name in column)
    return [Row(name, [column.get(name) for column in columns]) for name in names]


def _below(definitions: Definitions, run: Run) -> list[tuple[str, Run]]:
    """The run and those below it, each with what its parameters and metrics are headed by."""
    found = [("", run)]
    for child in definitions.descendants(run):
        found.append((f"{states.title(child)} / ", child))
        if len(found) == _MOST_BELOW:
            break
    return found


class _Comparison:
    def __init__(self, site: Site, runs: Sequence[Run]) -> None:
        self._site = site
        self._runs = runs
        self._definitions = site.definitions()
        self._below = [_below(self._definitions, run) for run in runs]

    def sections(self) -> list[tuple[str, list[Row]]]:
        """The tables' parts, without those that MLflow has."""
        general = [
            {
                "State": states.called(states.shown(run)),
                "Experiment": str(run["experiment"]),
                "Duration": duration(seconds_between(run["startTimeUtc"], run["endTimeUtc"])),
                "Compute": str(run["compute"] or NONE),
            }
            for run in self._runs
        ]
        times = [
            {
                head.removesuffix(" / "): duration(seconds_between(one["startTimeUtc"], one["endTimeUtc"]))
                for head, one in below
                if head
            }
            for below in self._below
        ]
        inputs = [
            {one.name: self._input(one.value, one.uri) for one in self._definitions.inputs(r)} for r in self._runs
        ]
        return [("General", _rows(general)), ("Inputs", _rows(inputs)), ("Duration of each node", _rows(times))]

    def _input(self, value: str | None, uri: str | None) -> str:
        return value if value is not None else self._site.links.of(uri).text if uri else NONE

    def logged(self) -> tuple[list[tuple[str, list[Row]]], list[plots.Plot]]:
        """Parameters and metrics, and plots of the metrics. Raises Unavailable."""
        found = self._site.metrics.logged(one for below in self._below for _, one in below)
        params: list[dict[str, str]] = []
        metrics: list[dict[str, str]] = []
        owners: dict[str, list[tuple[str, str, str]]] = {}
        called = plots.labels(self._runs)
        for run, below in zip(self._runs, self._below, strict=True):
            has = [(head, one, found[one["name"]]) for head, one in below if one["name"] in found]
            params.append({head + key: value for head, _, what in has for key, value in what.params.items()})
            metrics.append({head + key: number(value) for head, _, what in has for key, value in what.metrics.items()})
            for head, one, what in has:
                for key in what.metrics:
                    owners.setdefault(head + key, []).append((called[run["name"]], one["mlflow"], key))
        drawn = []
        for name, ones in list(owners.items())[:_MOST_PLOTS]:
            series: dict[str, list[Point]] = {
                label: self._site.metrics.history(mlflow, key) for label, mlflow, key in ones
            }
            if (plot := plots.draw(name, series)) is not None:
                drawn.append(plot)
        return [("Parameters", _rows(params)), ("Metrics", _rows(metrics))], drawn


def routes(site: Site) -> list[Route]:
    """`/compare?run=…&run=…`."""

    def compare(request: Request) -> Response:
        names = list(dict.fromkeys(request.query_params.getlist("run")))
        runs = [site.run(name) for name in names[:MOST]]
        comparison = _Comparison(site, runs)
        sections, trouble = comparison.sections(), ""
        drawn: list[plots.Plot] = []
        try:
            logged, drawn = comparison.logged()
            sections += logged
        except Unavailable as error:
            trouble = f"Parameters and metrics cannot be read now: {error}."
        only = request.query_params.get("only") == "differences"
        if only:
            sections = [(title, [row for row in rows if row.differs]) for title, rows in sections]
        return site.page(
            request,
            "compare.html",
            runs=runs,
            dropped=len(names) - len(runs),
            sections=[(title, rows) for title, rows in sections if rows],
            plots=drawn,
            trouble=trouble,
            only=only,
        )

    return [Route("/compare", compare)]
