"""Search spaces: the distributions of hyperparameters, read from a job's JSON and turned into values.

The expressions and their formulas are those of
https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-sweep#parameter-expressions and
https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters#define-the-search-space.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from ...errors import bad_request, not_implemented
from ...shapes import mapping

Scalar = bool | int | float | str
"""The value of a hyperparameter."""

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
# The quantile function has no value at 0 and at 1: these are the nearest that it is asked for.
_LOWEST, _HIGHEST = 1e-16, 1 - 1e-16


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Scalar, ...]
    name: str = "choice"

    def value(self, quantile: float) -> Scalar:
        """The value at `quantile` (0 to 1), each with the same share."""
        return self.values[min(int(quantile * len(self.values)), len(self.values) - 1)]


@dataclass(frozen=True)
class Randint:
    """An integer from 0 up to, and without, `upper`."""

    upper: int
    name: str = "randint"

    def value(self, quantile: float) -> Scalar:
        """The integer at `quantile` (0 to 1)."""
        return min(int(quantile * self.upper), self.upper - 1)


@dataclass(frozen=True)
class Uniform:
    """Uniform from `low` to `high`; with a `base` these are exponents of it; with a `step` values are its multiples."""

    low: float
    high: float
    name: str = "uniform"
    base: float | None = None
    step: float | None = None

    def value(self, quantile: float) -> Scalar:
        """The value at `quantile` (0 to 1). Raises OverflowError."""
        return _shaped(self.low + quantile * (self.high - self.low), self.base, self.step)


@dataclass(frozen=True)
class Normal:
    """Normally distributed; with a `base` the value is its power; with a `step` values are its multiples."""

    mean: float
    deviation: float
    name: str = "normal"
    base: float | None = None
    step: float | None = None

    def value(self, quantile: float) -> Scalar:
        """The value at `quantile` (0 to 1). Raises OverflowError."""
        inside = min(max(quantile, _LOWEST), _HIGHEST)
        return _shaped(NormalDist(self.mean, self.deviation).inv_cdf(inside), self.base, self.step)


Distribution = Choice | Randint | Uniform | Normal


def _shaped(value: float, base: float | None, step: float | None) -> Scalar:
    if base is not None:
        value = base**value
    # round() makes an integer: with a whole step the value is whole, as a command's `type=int` needs it.
    return value if step is None else round(value / step) * step


def read(spec: Mapping[str, Any], where: str, *, base: float = math.e) -> dict[str, Distribution]:
    """The search space; `base` is that of the distributions with `log` in their name.

    A distribution is an object (`{"type": "uniform", "min_value": 0, …}`, in a pipeline's node) or a list
    (`["uniform", [0, …]]`, in a job). Raises ServiceError (400, 501).
    """
    if not spec:
        raise bad_request(f"{where} is empty: a sweep needs a hyperparameter at least", "ValidationError")
    found = {}
    for name, given in spec.items():
        if not _NAME.fullmatch(name):
            raise bad_request(f"{where}: '{name}' is not a name: letters, digits and '_'", "ValidationError")
        found[name] = _distribution(given, f"{where}.{name}", base)
    return found


_FIELDS: Mapping[str, tuple[str, ...]] = {
    "choice": ("values",),
    "randint": ("upper",),
    "uniform": ("min_value", "max_value"),
    "loguniform": ("min_value", "max_value"),
    "quniform": ("min_value", "max_value", "q"),
    "qloguniform": ("min_value", "max_value", "q"),
    "normal": ("mu", "sigma"),
    "lognormal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "qlognormal": ("mu", "sigma", "q"),
}


def _distribution(given: object, where: str, base: float) -> Distribution:
    kind, arguments = _parts(given, where)
    if kind not in _FIELDS:
        raise bad_request(
            f"{where}: {kind!r} is no distribution; there are {', '.join(sorted(_FIELDS))}", "ValidationError"
        )
    if len(arguments) != len(_FIELDS[kind]) or any(one is None for one in arguments):
        raise bad_request(f"{where}: {kind} needs {', '.join(_FIELDS[kind])}", "ValidationError")
    if kind == "choice":
        return _choice(arguments[0], where)
    if kind == "randint":
        return _randint(arguments[0], where)
    return _continuous(kind, [_number(one, where) for one in arguments], where, base)


def _parts(given: object, where: str) -> tuple[str, list[Any]]:
    """The name of a distribution and its arguments, in the order of _FIELDS."""
    if isinstance(given, list):
        kind, arguments = (*given, None, None)[:2]
        if len(given) != 2 or not isinstance(kind, str) or not isinstance(arguments, list):  # noqa: PLR2004
            raise bad_request(f"{where} is not a distribution: a name and its arguments", "ValidationError")
        return kind.lower(), arguments
    spec = mapping(given, where)
    kind = str(spec.get("type")).lower()
    return kind, [spec.get(field) for field in _FIELDS.get(kind, ())]


def _choice(values: object, where: str) -> Choice:
    if not isinstance(values, list) or not values:
        raise bad_request(f"{where}: choice needs a list of values", "ValidationError")
    for value in values:
        if isinstance(value, dict):
            raise not_implemented(f"a search space within a choice ({where})")
        if not isinstance(value, Scalar):
            raise bad_request(f"{where}: {value!r} is not a number or a string", "ValidationError")
    return Choice(tuple(values))


def _randint(upper: object, where: str) -> Randint:
    number = _number(upper, where)
    if number != int(number) or number < 1:
        raise bad_request(f"{where}: upper is {upper}, not an integer above 0", "ValidationError")
    return Randint(int(number))


def _number(given: object, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise bad_request(f"{where}: {given!r} is not a number", "ValidationError")
    try:
        finite = math.isfinite(given)
    except OverflowError:  # An integer of some hundred digits.
        finite = False
    if not finite:
        raise bad_request(f"{where}: a number is not finite", "ValidationError")
    return given


def _continuous(kind: str, numbers: Sequence[float], where: str, base: float) -> Uniform | Normal:
    first, second, *steps = numbers
    step = steps[0] if steps else None
    if step is not None and step <= 0:
        raise bad_request(f"{where}: q is {step}, not above 0", "ValidationError")
    power = base if "log" in kind else None
    if kind.endswith("uniform"):
        if first > second:
            raise bad_request(f"{where}: min_value {first} is above max_value {second}", "ValidationError")
        made: Uniform | Normal = Uniform(first, second, kind, power, step)
    else:
        if second <= 0:
            raise bad_request(f"{where}: sigma is {second}, not above 0", "ValidationError")
        made = Normal(first, second, kind, power, step)
    _check_range(made.value, where)
    return made


def _check_range(value: Callable[[float], Scalar], where: str) -> None:
    try:
        ends = [float(value(quantile)) for quantile in (0.0, 1.0)]
    except (OverflowError, ValueError):  # The latter for what is no number at all.
        ends = [math.inf]
    if not all(map(math.isfinite, ends)):
        raise bad_request(f"{where}: its values leave the range of numbers", "ValidationError")
