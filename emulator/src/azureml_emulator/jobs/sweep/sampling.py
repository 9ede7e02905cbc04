"""Which values a sweep tries: grid, random (Sobol's sequence, too) and Bayesian sampling.

https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters#sampling-the-hyperparameter-space
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .space import Choice, Distribution, Scalar
from .specification import Sweep

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Sample:
    """Values for one trial; `number` counts the sampler's samples from 0."""

    number: int
    values: Mapping[str, Scalar]


class Sampler(Protocol):
    """Proposes the values of trials."""

    def propose(self) -> Sample | None:
        """The next values to try; None if all have been."""

    def learn(self, sample: Sample, score: float | None) -> None:
        """Take in how good a sample was; None if its trial came to nothing."""


def sampler(sweep: Sweep) -> Sampler:
    """The sampler that the sweep asks for."""
    return _Grid(sweep) if sweep.sampling.method == "grid" else _Study(sweep)


class _Grid:
    """All combinations, each once, the last hyperparameter changing fastest."""

    def __init__(self, sweep: Sweep) -> None:
        names = list(sweep.space)
        values = [one.values for one in sweep.space.values() if isinstance(one, Choice)]
        self._samples = (
            Sample(number, dict(zip(names, combination, strict=True)))
            for number, combination in enumerate(itertools.product(*values))
        )

    def propose(self) -> Sample | None:
        return next(self._samples, None)

    def learn(self, sample: Sample, score: float | None) -> None:
        """Nothing: the grid is the same whatever comes out."""


class _Study:
    """Optuna's samplers, asked and told."""

    def __init__(self, sweep: Sweep) -> None:
        # Imported here, by the first sweep: it takes a third of a second that the emulator's start has not.
        import optuna  # noqa: PLC0415

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = sweep.space
        self._failed = optuna.trial.TrialState.FAIL
        self._study = optuna.create_study(direction=sweep.objective.goal, sampler=_optuna_sampler(sweep))
        is_bayesian = sweep.sampling.method == "bayesian"
        self._distributions = {name: _axis(one, categorical=is_bayesian) for name, one in sweep.space.items()}

    def propose(self) -> Sample:
        trial = self._study.ask(self._distributions)
        return Sample(trial.number, {name: _value(one, trial.params[name]) for name, one in self._space.items()})

    def learn(self, sample: Sample, score: float | None) -> None:
        if score is None:
            self._study.tell(sample.number, state=self._failed)
        else:
            self._study.tell(sample.number, score)


def _axis(distribution: Distribution, *, categorical: bool) -> optuna.distributions.BaseDistribution:
    """A dimension of the study: quantiles of the distribution, or what is chosen by its place in the list.

    Optuna has no normal distributions, and Sobol's sequence fills only what is continuous: quantiles serve for all.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution  # noqa: PLC0415

    if categorical and isinstance(distribution, Choice):
        return CategoricalDistribution(range(len(distribution.values)))
    return FloatDistribution(0.0, 1.0)


def _value(distribution: Distribution, sampled: float) -> Scalar:
    if isinstance(distribution, Choice) and isinstance(sampled, int):
        return distribution.values[sampled]
    return distribution.value(sampled)


def _optuna_sampler(sweep: Sweep) -> optuna.samplers.BaseSampler:
    from optuna import samplers  # noqa: PLC0415
    from optuna.exceptions import ExperimentalWarning  # noqa: PLC0415

    seed = sweep.sampling.seed
    if seed is not None:
        seed %= 2**32  # A negative seed is a seed, too; NumPy takes none.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        if sweep.sampling.method == "bayesian":
            # The liar keeps trials that run side by side from being all the same.
            return samplers.TPESampler(seed=seed, constant_liar=True)
        if sweep.sampling.sobol:
            return samplers.QMCSampler(
                qmc_type="sobol",
                scramble=True,
                seed=seed,
                independent_sampler=samplers.RandomSampler(seed=seed),
                warn_asynchronous_seeding=False,
                warn_independent_sampling=False,
            )
        return samplers.RandomSampler(seed=seed)
