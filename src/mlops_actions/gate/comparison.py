"""Champion against challenger: whether a model's metric is as much better as the margin asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlops_actions.gate.requirements import shown

_ROUNDING = 1e-12
"""What the difference of two metrics may lack of the margin: 0.57 - 0.56 is a little less than 0.01."""


@dataclass(frozen=True)
class Model:
    """A model version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"

    @property
    def reference(self) -> str:
        """As a job's input names it."""
        return f"azureml:{self.name}:{self.version}"


@dataclass(frozen=True)
class Rule:
    """The metric that is compared, how much better the challenger has to be, and which way better is."""

    metric: str
    margin: float = 0
    higher_is_better: bool = True

    def __str__(self) -> str:
        better = "higher" if self.higher_is_better else "lower"
        return f"{self.metric}, {better} is better, than the champion's by {self.margin:g}"

    def gain(self, candidate: float, champion: float) -> float:
        """How much better the candidate is; negative if it is worse."""
        return candidate - champion if self.higher_is_better else champion - candidate

    def allows(self, candidate: float, champion: float) -> bool:
        """Whether the candidate is better by the margin, or no worse than a margin below 0 lets it be."""
        gain = self.gain(candidate, champion)
        return gain >= self.margin or math.isclose(gain, self.margin, rel_tol=1e-9, abs_tol=_ROUNDING)


@dataclass(frozen=True)
class Comparison:
    """What came of a comparison: whether the candidate passes and why, and the two figures if there are any.

    `basis` says what proves that both figures are from the same data.
    """

    rule: Rule
    passed: bool
    reason: str
    champion: Model | None = None
    candidate_value: float | None = None
    champion_value: float | None = None
    basis: str = ""


def compare(rule: Rule, champion: Model, values: tuple[float | None, float | None], basis: str) -> Comparison:
    """Hold the candidate's figure against the champion's, both measured on the same data."""
    candidate, other = values
    if candidate is None or other is None:
        which = "the candidate's" if candidate is None else f"the champion's ({champion})"
        reason = f"{which} {rule.metric} is not a finite number: the two cannot be compared"
        return Comparison(rule, False, reason, champion, candidate, other, basis)
    passed = rule.allows(candidate, other)
    gain = rule.gain(candidate, other)
    words = f"{abs(gain):.6g} {'better' if gain > 0 else 'worse'} than" if gain else "just like"
    reason = f"{rule.metric} {shown(candidate)} is {words} the champion's {shown(other)} ({champion})"
    return Comparison(rule, passed, f"{reason}; the margin is {rule.margin:g}", champion, candidate, other, basis)
