"""Early termination: which of the running trials are not worth going on with.

The semantics are those of
https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters#specify-early-termination-policy.
Each time a trial logs the primary metric counts as one interval. A policy applies at every multiple of
`evaluation_interval` that is at least `delay_evaluation`, and looks at what trials had reported up to that interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Protocol

Reports = Sequence[float]
"""The values of the primary metric that a trial has logged, in order."""


def best(values: Reports, *, maximize: bool) -> float | None:
    """The best of the values; None if none of them is a number."""
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return None
    return max(numbers) if maximize else min(numbers)


def is_worse(value: float, than: float, *, maximize: bool) -> bool:
    """Whether a value of the metric is worse than another."""
    return value < than if maximize else value > than


@dataclass(frozen=True)
class Standing:
    """How the trials of a sweep stand: what each has reported, in the order in which they were begun."""

    reports: Mapping[str, Reports]
    finished: frozenset[str]
    maximize: bool

    def at(self, interval: int) -> dict[str, float]:
        """The best value up to `interval` of each trial that has come that far."""
        found = {}
        for trial, values in self.reports.items():
            if len(values) >= interval and (value := best(values[:interval], maximize=self.maximize)) is not None:
                found[trial] = value
        return found


class Policy(Protocol):
    """An early termination policy."""

    @property
    def schedule(self) -> Schedule:
        """When it applies."""

    def ends(self, trial: str, interval: int, standing: Standing) -> bool:
        """Whether `trial`, which has reported `interval` values at least, is to be ended."""


@dataclass(frozen=True)
class Schedule:
    """When a policy applies, counted in reports of a trial."""

    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def applies(self, interval: int) -> bool:
        """Whether the policy applies at this interval."""
        return interval >= self.delay_evaluation and interval % self.evaluation_interval == 0


@dataclass(frozen=True)
class Bandit:
    """Ends a trial whose best value is not within the slack of the best trial's.

    With b the best of all at that interval, a trial is ended below b / (1 + slack_factor) or b - slack_amount if the
    metric is to be maximized, and above b * (1 + slack_factor) or b + slack_amount if it is to be minimized.
    """

    schedule: Schedule
    slack_factor: float | None = None
    slack_amount: float | None = None

    def ends(self, trial: str, interval: int, standing: Standing) -> bool:
        """Whether the trial's best is too far from the best of all at this interval."""
        at = standing.at(interval)
        leading = best(list(at.values()), maximize=standing.maximize)
        if trial not in at or leading is None:
            return False
        return is_worse(at[trial], self._allowed(leading, maximize=standing.maximize), maximize=standing.maximize)

    def _allowed(self, leading: float, *, maximize: bool) -> float:
        if self.slack_amount is not None:
            return leading - self.slack_amount if maximize else leading + self.slack_amount
        ratio = 1 + (self.slack_factor or 0)
        # Below zero the ratio is turned over: slack always leads away from what is best.
        return leading / ratio if maximize == (leading >= 0) else leading * ratio


@dataclass(frozen=True)
class MedianStopping:
    """Ends a trial whose best value up to the interval is worse than the median of all trials' running averages."""

    schedule: Schedule

    def ends(self, trial: str, interval: int, standing: Standing) -> bool:
        """Whether the trial's best is worse than the median of the averages over the reports up to this interval."""
        own = best(standing.reports[trial][:interval], maximize=standing.maximize)
        averages = [
            fmean(numbers)
            for values in standing.reports.values()
            if (numbers := [value for value in values[:interval] if not math.isnan(value)])
        ]
        return own is not None and is_worse(own, median(averages), maximize=standing.maximize)


@dataclass(frozen=True)
class TruncationSelection:
    """Ends the given percentage of trials that rank lowest at the interval.

    Only trials that have come to the interval are ranked, by their best up to it. Of equals, the one begun last ranks
    lowest. The number of trials to end is rounded down.
    """

    schedule: Schedule
    truncation_percentage: int
    exclude_finished_jobs: bool = False

    def ends(self, trial: str, interval: int, standing: Standing) -> bool:
        """Whether the trial is among those that rank lowest."""
        at = standing.at(interval)
        if self.exclude_finished_jobs:
            at = {name: value for name, value in at.items() if name not in standing.finished}
        begun = {name: place for place, name in enumerate(at)}
        sign = 1 if standing.maximize else -1
        ranked = sorted(at, key=lambda name: (sign * at[name], -begun[name]))
        return trial in ranked[: len(ranked) * self.truncation_percentage // 100]
