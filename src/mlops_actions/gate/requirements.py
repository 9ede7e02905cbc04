"""The lines of `require`: read before anything is asked of Azure, then held against a model's metrics."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.errors import ActionError
from mlops_actions.gate.expressions import Expression, ExpressionError, UndefinedError

Metrics = Mapping[str, float | None]
"""Metrics by their names in MLflow; None is one that is not a finite number."""

MOST_LINES = 50
_SHOWN_METRICS = 40
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class Requirement:
    """A line of `require`: its number from 1, not counting empty ones, and what it says."""

    number: int
    expression: Expression

    @property
    def text(self) -> str:
        """The line."""
        return self.expression.text


@dataclass(frozen=True)
class Finding:
    """Whether a model meets a requirement: the values that it is about, and why it has no answer, if so."""

    requirement: Requirement
    met: bool
    values: Metrics
    undefined: str = ""

    @property
    def shown_values(self) -> str:
        """The values for people."""
        return ", ".join(f"{name} = {shown(value)}" for name, value in self.values.items()) or "no metric"

    def __str__(self) -> str:
        detail = f"{self.shown_values}; {self.undefined}" if self.undefined else self.shown_values
        return f"{self.requirement.text} is {'met' if self.met else 'not met'} ({detail})"


def shown(value: float | None) -> str:
    """A metric's value for people."""
    return "not a finite number" if value is None else f"{value:.6g}"


def parse(lines: Sequence[str]) -> list[Requirement]:
    """Read the lines of `require`. Raises ActionError that says which of them is wrong, and how."""
    if len(lines) > MOST_LINES:
        raise ActionError(f"require has {len(lines)} lines, more than {MOST_LINES}")
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(Requirement(number, Expression.parse(line)))
        except ExpressionError as error:
            raise ActionError(f"require, line {number} ({_quoted(line)}): {error}") from None
    return found


def given_metrics(text: str) -> dict[str, float | None]:
    """The metrics in a JSON object, as run-aml-pipeline tells them. Raises ActionError if it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ActionError(f'metrics is not JSON ({error}): give an object such as {{"accuracy": 0.9}}') from None
    if not isinstance(found, dict):
        raise ActionError('metrics is not a JSON object of numbers, such as {"accuracy": 0.9}')
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise ActionError(f"metrics: {_quoted(name)} is {_quoted(json.dumps(value))}, not a number")
    return {name: _finite(value) for name, value in found.items()}


def _finite(value: float | None) -> float | None:
    try:
        number = math.nan if value is None else float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def by_identifier(metrics: Metrics) -> dict[str, list[str]]:
    """The metrics by what they are called in an expression: what cannot be in a name is `_` (val/loss is val_loss)."""
    found: dict[str, list[str]] = {}
    for name in metrics:
        identifier = re.sub(r"\W", "_", unicodedata.normalize("NFKC", name))  # as Python reads names
        found.setdefault(f"_{identifier}" if identifier[:1].isdigit() else identifier, []).append(name)
    return found


def judge(requirements: Sequence[Requirement], metrics: Metrics) -> list[Finding]:
    """Hold the requirements against the metrics. Raises ActionError for a name that stands for no metric."""
    known = by_identifier(metrics)
    return [_judge(requirement, metrics, known) for requirement in requirements]


def _judge(requirement: Requirement, metrics: Metrics, known: Mapping[str, list[str]]) -> Finding:
    where = f"require, line {requirement.number} ({_quoted(requirement.text)})"
    values: dict[str, float | None] = {}
    for name in requirement.expression.names:
        meant = [name] if name in metrics else known.get(name, [])
        if not meant:
            raise ActionError(f"{where}: there is no metric '{name}'; there are {_listed(known)}")
        if len(meant) > 1:
            raise ActionError(f"{where}: '{name}' may be any of {', '.join(map(_quoted, meant))}")
        values[name] = metrics[meant[0]]
    finite = {name: value for name, value in values.items() if value is not None}
    if missing := values.keys() - finite.keys():
        return Finding(requirement, False, values, f"{', '.join(sorted(missing))} cannot be compared")
    try:
        return Finding(requirement, requirement.expression.holds(finite), values)
    except UndefinedError as error:
        return Finding(requirement, False, values, str(error))


def _listed(known: Mapping[str, object]) -> str:
    names = sorted(known)
    more = f" and {len(names) - _SHOWN_METRICS} more" if len(names) > _SHOWN_METRICS else ""
    return ", ".join(map(_quoted, names[:_SHOWN_METRICS])) + more if names else "none"


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…"
