"""A sweep's trials: what each was given, how it did by the primary metric, and which is the best."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import plots, states
from .tracking import NOTHING, Logged, Metrics, Point, Unavailable

Run = Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """One trial; `score` is the last value of the primary metric, None as long as it logged none."""

    run: Run
    shown: str
    values: Mapping[str, Any]
    score: float | None
    is_best: bool


@dataclass(frozen=True)
class Trials:
    """All trials of a sweep, in their order, and what is varied and looked at."""

    metric: str
    goal: str
    names: Sequence[str]
    trials: Sequence[Trial]
    plot: plots.Plot | None
    trouble: str


def is_sweep(run: Run) -> bool:
    """Whether a run is a sweep's own."""
    return bool(run["properties"].get("runTemplate") == "HyperDrive")


def hyperparameters(run: Run) -> dict[str, Any]:
    """What a trial was given, as its tag says; none for another run."""
    try:
        given = json.loads(run["tags"].get("hyperparameters", "{}"))
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def of(run: Run, children: Sequence[Run], metrics: Metrics) -> Trials | None:
    """The trials of a sweep; None for another run."""
    if not is_sweep(run):
        return None
    config = _primary(run)
    metric = config.get("name", "")
    logged: Mapping[str, Logged] = {}
    trouble = ""
    try:
        logged = metrics.logged(children)
    except Unavailable as error:
        trouble = f"What the trials logged cannot be read now: {error}."
    best = run["properties"].get("best_child_run_id")
    trials = [
        Trial(
            child,
            states.shown(child),
            hyperparameters(child),
            logged.get(child["name"], NOTHING).metrics.get(metric),
            child["name"] == best,
        )
        for child in children
    ]
    points = [Point(number, 0.0, one.score) for number, one in enumerate(trials) if one.score is not None]
    return Trials(
        metric=metric,
        goal=config.get("goal", ""),
        names=list(dict.fromkeys(name for one in trials for name in one.values)),
        trials=trials,
        plot=plots.draw(metric, {"trials": points}, unit="trial"),
        trouble=trouble,
    )


def _primary(run: Run) -> dict[str, str]:
    try:
        config = json.loads(run["properties"].get("primary_metric_config", "{}"))
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in config.items()} if isinstance(config, dict) else {}
