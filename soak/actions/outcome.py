"""What came of one team's runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .checks import Found
from .kills import KINDS


@dataclass
class Outcome:
    """The kills, the runs and what was found wrong after them.

    `asked` and `struck` are how often a fault that was armed all the time was looked at, and how often it struck.
    """

    kills: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    found: Found = field(default_factory=Found)
    runs: int = 0
    attempts: int = 0
    completed: int = 0
    never_completed: list[str] = field(default_factory=list)
    slow_to_end: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    attempts_after: dict[str, list[int]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    undisturbed_seconds: list[float] = field(default_factory=list)
    run_seconds: list[float] = field(default_factory=list)
    completed_at_once: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)

    def mistakes(self) -> list[str]:
        """All that is wrong, a line for each."""
        return [*self.found.mistakes(), *self.never_completed, *self.slow_to_end, *self.broken]
