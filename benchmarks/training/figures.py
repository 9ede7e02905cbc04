"""From the trials to the figures of the report."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..report import BenchmarkError, Row

SHARES = {"quarter": 0.25, "third": 0.33, "once": 1.0, "thrice": 3.0}
"""What is granted to ours of the baseline's time; each share is a schedule of its own, which ends within it."""

WANTED_TIME = 0.33
WANTED = {"once": 0.76, "thrice": 0.80}
_NAMES = {
    "quarter": "in a quarter of its time",
    "third": "in a third of its time",
    "once": "in its time",
    "thrice": "in three times its time",
}
_LARGEST_DIFFERENCE = 1e-4


@dataclass(frozen=True)
class Trial:
    """One training, tested on the photos that it did not see."""

    seconds: float
    accuracy: float
    tested: int
    parameters: int
    passes: int
    """Over the photos, of ours."""


@dataclass(frozen=True)
class Round:
    """The trainings of one seed: the baseline's, and ours by their share."""

    seed: int
    baseline: Trial
    ours: Mapping[str, Trial]

    def time(self, share: str) -> float:
        """The time of ours, the baseline's = 1."""
        return self.ours[share].seconds / self.baseline.seconds

    def time_to_baseline(self) -> float:
        """The time of our shortest training that is as accurate as the baseline. Raises BenchmarkError if none is."""
        for share, trial in self.ours.items():
            if trial.accuracy >= self.baseline.accuracy:
                return self.time(share)
        raise BenchmarkError(f"ours did not come to the baseline's accuracy with seed {self.seed}")


def standard_error(trials: Sequence[Trial]) -> float:
    """Of the mean accuracy, by the number of photos that it was tested on: sqrt(p (1 - p) / n)."""
    share, tested = mean_accuracy(trials), sum(trial.tested for trial in trials)
    return math.sqrt(share * (1 - share) / tested)


def mean_accuracy(trials: Sequence[Trial]) -> float:
    """Over the seeds."""
    return statistics.mean(trial.accuracy for trial in trials)


def rows(rounds: Sequence[Round], export: Mapping[str, float]) -> list[Row]:
    """All figures of the report."""
    to_baseline = statistics.mean(one.time_to_baseline() for one in rounds)
    what = "time to the baseline's accuracy, its time = 1"
    found = [
        Row("time_to_baseline_accuracy", what, to_baseline, "", WANTED_TIME, "at most"),
        *_trained("baseline", "baseline", [one.baseline for one in rounds], rounds, None),
    ]
    for share, granted in SHARES.items():
        trials = [one.ours[share] for one in rounds]
        found += _trained(f"ours_{share}", f"ours {_NAMES[share]}", trials, rounds, WANTED.get(share))
        time = statistics.mean(one.time(share) for one in rounds)
        longest = max(one.time(share) for one in rounds)
        passes = statistics.mean(trial.passes for trial in trials)
        found += [
            Row(f"ours_{share}_time", f"ours {_NAMES[share]}: time, the baseline's = 1 (mean)", time, ""),
            Row(f"ours_{share}_time_max", "the same, the longest", longest, "", granted, "at most"),
            Row(f"ours_{share}_passes", f"ours {_NAMES[share]}: passes over the photos (mean)", passes, ""),
        ]
    difference, other = export["onnx_largest_difference"], export["onnx_other_labels"]
    count = f"{export['onnx_photos']:.0f} photos"
    return [
        *found,
        Row(
            "onnx_photos", "photos that the ONNX export and its Keras model were compared on", export["onnx_photos"], ""
        ),
        Row("onnx_other_labels", f"ONNX against Keras: other labels on {count}", other, ""),
        Row(
            "onnx_largest_difference",
            f"ONNX against Keras: largest difference of a probability on {count}",
            difference,
            "",
            _LARGEST_DIFFERENCE,
            "at most",
        ),
    ]


def _trained(key: str, name: str, trials: Sequence[Trial], rounds: Sequence[Round], wanted: float | None) -> list[Row]:
    accuracy = mean_accuracy(trials)
    return [
        Row(f"{key}_accuracy", f"{name}: test accuracy (mean)", accuracy, "", wanted, "at least"),
        Row(f"{key}_accuracy_standard_error", f"{name}: standard error of that", standard_error(trials), ""),
        *(
            Row(f"{key}_accuracy_seed_{one.seed}", f"{name}: test accuracy, seed {one.seed}", trial.accuracy, "")
            for one, trial in zip(rounds, trials, strict=True)
        ),
        Row(f"{key}_seconds", f"{name}: seconds (mean)", statistics.mean(trial.seconds for trial in trials), "s"),
        Row(f"{key}_parameters", f"{name}: parameters", trials[0].parameters, ""),
    ]
