"""A sweep as it was submitted, read from a job's JSON (camelCase) or from that of a pipeline's node (snake_case)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import ServiceError, bad_request
from ...shapes import mapping, text
from . import space
from .policies import Bandit, MedianStopping, Policy, Schedule, TruncationSelection
from .space import Choice, Distribution

MAX_TOTAL_TRIALS = 1000
MAX_CONCURRENT_TRIALS = 100
"""Azure's limits: https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters#set-limits-for-your-sweep-job"""

Method = Literal["random", "grid", "bayesian"]

_DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "grid": ("choice",),
    "bayesian": ("choice", "uniform", "quniform"),
}
"""What a sampling algorithm is limited to: …/how-to-tune-hyperparameters#sampling-the-hyperparameter-space"""

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


@dataclass(frozen=True)
class Sampling:
    """How values are chosen."""

    method: Method
    seed: int | None = None
    sobol: bool = False


@dataclass(frozen=True)
class Objective:
    """The metric that says how good a trial is."""

    metric: str
    maximize: bool

    @property
    def goal(self) -> Literal["maximize", "minimize"]:
        """`maximize` or `minimize`."""
        return "maximize" if self.maximize else "minimize"


@dataclass(frozen=True)
class Limits:
    """How many trials, and for how long (seconds; None: without a limit)."""

    max_total_trials: int
    max_concurrent_trials: int
    timeout: float | None = None
    trial_timeout: float | None = None


@dataclass(frozen=True)
class Sweep:
    """What a sweep does; the trial's command is its node's component."""

    space: Mapping[str, Distribution]
    sampling: Sampling
    objective: Objective
    limits: Limits
    policy: Policy | None = None

    @property
    def size(self) -> int | None:
        """How many combinations there are; None if there is no end to them."""
        sizes = [len(one.values) if isinstance(one, Choice) else None for one in self.space.values()]
        return None if None in sizes else math.prod(one for one in sizes if one is not None)


def read(spec: Mapping[str, Any], where: str) -> Sweep:
    """The sweep that this part of a job's JSON describes. Raises ServiceError (400, 501)."""
    given = _algorithm(_field(spec, "sampling_algorithm"), f"{where}.sampling_algorithm")
    sampling = _sampling(given, f"{where}.sampling_algorithm")
    found = space.read(
        mapping(_field(spec, "search_space"), f"{where}.search_space"),
        f"{where}.search_space",
        base=_base(given.get("logbase"), f"{where}.sampling_algorithm.logbase"),
    )
    _check_distributions(sampling.method, found, f"{where}.search_space")
    policy = _policy(
        mapping(_field(spec, "early_termination"), f"{where}.early_termination"), f"{where}.early_termination"
    )
    if policy is not None and sampling.method == "bayesian":
        raise bad_request(
            f"{where}: Bayesian sampling does not support early termination policies; leave early_termination out"
        )
    return Sweep(
        space=found,
        sampling=sampling,
        objective=_objective(mapping(_field(spec, "objective"), f"{where}.objective"), f"{where}.objective"),
        limits=_limits(mapping(_field(spec, "limits"), f"{where}.limits"), f"{where}.limits"),
        policy=policy,
    )


def _field(spec: Mapping[str, Any], snake: str) -> Any:
    head, *rest = snake.split("_")
    return spec.get(snake, spec.get(head + "".join(part.capitalize() for part in rest)))


def _wrong(message: str) -> ServiceError:
    return bad_request(message, "ValidationError")


def _word(given: str | None) -> str:
    """A name without case and underscores: they are written `MedianStopping`, `median_stopping`, `Random`, `random`."""
    return (given or "").replace("_", "").lower()


def _algorithm(given: object, where: str) -> Mapping[str, Any]:
    return {"type": given} if isinstance(given, str) else mapping(given, where)


def _sampling(spec: Mapping[str, Any], where: str) -> Sampling:
    kind = text(_field(spec, "sampling_algorithm_type") or spec.get("type"), f"{where}.type")
    methods: dict[str, Method] = {"random": "random", "grid": "grid", "bayesian": "bayesian", "": "random"}
    if _word(kind) not in methods:
        raise _wrong(f"{where}: {kind!r} is no sampling algorithm; there are random, grid and bayesian")
    rule = _word(text(spec.get("rule"), f"{where}.rule"))
    if rule not in {"", "random", "sobol"}:
        raise _wrong(f"{where}.rule is {rule!r}, neither random nor sobol")
    seed = _integer(spec.get("seed"), f"{where}.seed", low=-(2**31), high=2**31 - 1)
    return Sampling(methods[_word(kind)], seed, rule == "sobol")


def _base(given: object, where: str) -> float:
    """The base of logarithmic distributions: `e`, or a positive number."""
    if given is None or given == "e":
        return math.e
    base = _number(given, where)
    if base <= 0:
        raise _wrong(f"{where} is {given}, neither e nor above 0")
    return base


def _check_distributions(method: str, found: Mapping[str, Distribution], where: str) -> None:
    allowed = _DISTRIBUTIONS.get(method)
    for name, one in found.items():
        if allowed is not None and one.name not in allowed:
            raise bad_request(f"{where}.{name}: {method} sampling only supports {', '.join(allowed)}; not {one.name}")


def _objective(spec: Mapping[str, Any], where: str) -> Objective:
    metric = text(_field(spec, "primary_metric"), f"{where}.primary_metric")
    if metric is None:
        raise _wrong(f"{where} has no primary_metric")
    goal = _word(text(spec.get("goal"), f"{where}.goal"))
    if goal not in {"maximize", "minimize"}:
        raise _wrong(f"{where}.goal is {spec.get('goal')!r}, neither maximize nor minimize")
    return Objective(metric, goal == "maximize")


def _limits(spec: Mapping[str, Any], where: str) -> Limits:
    total = _integer(_field(spec, "max_total_trials"), f"{where}.max_total_trials", low=1, high=MAX_TOTAL_TRIALS)
    concurrent = _integer(
        _field(spec, "max_concurrent_trials"), f"{where}.max_concurrent_trials", low=1, high=MAX_CONCURRENT_TRIALS
    )
    total = MAX_TOTAL_TRIALS if total is None else total
    if concurrent is not None and concurrent > total:
        raise bad_request(
            f"{where}: max_concurrent_trials is {concurrent}, more than max_total_trials, which is {total}"
        )
    return Limits(
        total,
        min(total, MAX_CONCURRENT_TRIALS) if concurrent is None else concurrent,
        _seconds(spec.get("timeout"), f"{where}.timeout"),
        _seconds(_field(spec, "trial_timeout"), f"{where}.trial_timeout"),
    )


def _policy(spec: Mapping[str, Any], where: str) -> Policy | None:
    if not spec:
        return None
    kind = text(_field(spec, "policy_type") or spec.get("type"), f"{where}.type")
    schedule = Schedule(
        # Zero, the SDK's own default, stands for each interval.
        _integer(_field(spec, "evaluation_interval"), f"{where}.evaluation_interval", low=0) or 1,
        _integer(_field(spec, "delay_evaluation"), f"{where}.delay_evaluation", low=0) or 0,
    )
    readers = {"bandit": _bandit, "medianstopping": _median_stopping, "truncationselection": _truncation_selection}
    if _word(kind) not in readers:
        raise _wrong(f"{where}: {kind!r} is no policy; there are bandit, median_stopping and truncation_selection")
    return readers[_word(kind)](spec, where, schedule)


def _bandit(spec: Mapping[str, Any], where: str, schedule: Schedule) -> Policy:
    given = {name: _slack(_field(spec, name), f"{where}.{name}") for name in ("slack_factor", "slack_amount")}
    # The SDK sends the one that was not given as zero.
    if given["slack_factor"] and given["slack_amount"]:
        raise bad_request(f"{where}: a bandit policy takes slack_factor or slack_amount, not both")
    if given["slack_factor"] is None and given["slack_amount"] is None:
        raise bad_request(f"{where}: a bandit policy needs slack_factor or slack_amount")
    if given["slack_factor"]:
        return Bandit(schedule, slack_factor=given["slack_factor"])
    return Bandit(schedule, slack_amount=given["slack_amount"] or 0.0)


def _slack(given: object, where: str) -> float | None:
    slack = None if given is None else _number(given, where)
    if slack is not None and slack < 0:
        raise _wrong(f"{where} is {slack}, less than 0")
    return slack


def _median_stopping(_: Mapping[str, Any], __: str, schedule: Schedule) -> Policy:
    return MedianStopping(schedule)


def _truncation_selection(spec: Mapping[str, Any], where: str, schedule: Schedule) -> Policy:
    percentage = _integer(_field(spec, "truncation_percentage"), f"{where}.truncation_percentage", low=1, high=99)
    if percentage is None:
        raise _wrong(f"{where} has no truncation_percentage")
    excluded = str(_field(spec, "exclude_finished_jobs") or "false").lower() == "true"
    return TruncationSelection(schedule, percentage, excluded)


def _number(given: object, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise _wrong(f"{where} is {given!r}, not a number")
    try:
        number = float(given)
    except (ValueError, OverflowError) as error:
        raise _wrong(f"{where} is {given!r}, not a number") from error
    if not math.isfinite(number):
        raise _wrong(f"{where} is {given!r}, not a finite number")
    return number


def _integer(given: object, where: str, *, low: int, high: int | None = None) -> int | None:
    if given is None:
        return None
    number = _number(given, where)
    if number != int(number):
        raise _wrong(f"{where} is {given}, not an integer")
    if number < low or (high is not None and number > high):
        bounds = f"at least {low}" if high is None else f"between {low} and {high}"
        raise bad_request(f"{where} is {int(number)}: it must be an integer {bounds}")
    return int(number)


def _seconds(given: object, where: str) -> float | None:
    """Seconds: ISO 8601 in a job's JSON, a number in a node's."""
    if given is None:
        return None
    if isinstance(given, str) and (match := _DURATION.fullmatch(given)) and given not in {"P", "PT"}:
        units = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
        seconds = sum(float(match[unit] or 0) * length for unit, length in units.items())
    else:
        seconds = _number(given, where)
    if seconds <= 0:
        raise _wrong(f"{where} is {given}, not above 0")
    return seconds
