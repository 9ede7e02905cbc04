"""What has become of a sweep's trials, and which is the best of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...store import Value
from .. import runs
from ..stopping import JobFailed
from .policies import Reports, Standing, best, is_worse
from .specification import Objective


@dataclass
class Results:
    """The trials so far: what each has reported, and how those ended that have."""

    objective: Objective
    reports: dict[str, Reports] = field(default_factory=dict)
    ended: dict[str, Value] = field(default_factory=dict)

    def standing(self) -> Standing:
        """How the trials stand, for the policy to judge."""
        return Standing(self.reports, frozenset(self.ended), self.objective.maximize)

    def score(self, trial: str) -> float | None:
        """The best value that the trial has reported; None if it has reported none."""
        return best(self.reports.get(trial, ()), maximize=self.objective.maximize)

    def completed(self) -> list[str]:
        """The trials that have completed, in the order in which they have."""
        return [name for name, run in self.ended.items() if run["status"] == runs.COMPLETED]

    def best(self) -> tuple[str, float] | None:
        """The trial with the best score, and that score, of those that have completed; of equals the first."""
        leading: tuple[str, float] | None = None
        for trial in self.completed():
            score = self.score(trial)
            if score is not None and (leading is None or is_worse(leading[1], score, maximize=self.objective.maximize)):
                leading = trial, score
        return leading

    def failure(self) -> JobFailed:
        """Why a sweep of which no trial has completed fails."""
        for trial, run in self.ended.items():
            if error := run["error"]:
                message = f"User errors were found in at least one of the child runs. {trial}: {error['message']}"
                return JobFailed(message, error["code"])
        return JobFailed(f"None of the {len(self.ended)} child runs completed: all of them were canceled.")
