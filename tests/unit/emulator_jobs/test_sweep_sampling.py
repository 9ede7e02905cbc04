import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from azureml_emulator.jobs.sweep import specification
from azureml_emulator.jobs.sweep.sampling import Sampler, sampler
from azureml_emulator.jobs.sweep.space import Scalar
from azureml_emulator.jobs.sweep.specification import Sweep


def sweep(space: dict[str, object], algorithm: object = "random", goal: str = "maximize") -> Sweep:
    spec = {"search_space": space, "sampling_algorithm": algorithm}
    return specification.read({**spec, "objective": {"primary_metric": "m", "goal": goal}}, "job")


def draw(of: Sampler, count: int) -> list[dict[str, Scalar]]:
    proposals = [of.propose() for _ in range(count)]
    return [dict(one.values) for one in proposals if one is not None]


@pytest.mark.conformance("sweep: grid sampling tries each combination once")
def test_a_grid_has_each_combination_once() -> None:
    grid = sampler(sweep({"a": ["choice", [[1, 2]]], "b": ["choice", [["x", "y", "z"]]]}, "grid"))
    assert [tuple(one.values()) for one in draw(grid, 10)] == [
        (1, "x"), (1, "y"), (1, "z"), (2, "x"), (2, "y"), (2, "z"),
    ]  # fmt: skip


@pytest.mark.conformance("sweep: random sampling has the documented distributions")
@pytest.mark.parametrize(
    ("distribution", "low", "high", "middle"),
    [
        (["uniform", [2, 4]], 2, 4, 3),
        (["quniform", [0, 10, 2]], 0, 10, 4),
        (["loguniform", [0, 2]], 1, 7.4, 2.718),
        (["qloguniform", [0, 2, 0.5]], 1, 7.5, 2.5),
        (["normal", [10, 1]], 4, 16, 10),
        (["qnormal", [10, 1, 5]], 5, 15, 10),
        (["lognormal", [0, 0.5]], 0, 20, 1),
        (["qlognormal", [0, 0.5, 1]], 0, 20, 1),
        (["randint", [5]], 0, 4, 2),
    ],
)
def test_random_values_are_distributed_as_documented(distribution: Any, low: float, high: float, middle: float) -> None:
    random = sampler(sweep({"x": distribution}, {"type": "random", "seed": 7}))
    values = sorted(float(one["x"]) for one in draw(random, 200))
    assert low <= values[0]
    assert values[-1] <= high
    spread = values[-1] - values[0]
    assert values[100] == pytest.approx(middle, abs=spread / 8)
    step = distribution[1][-1]
    if distribution[0].startswith("q"):
        assert all(value / step == pytest.approx(round(value / step)) for value in values)


def test_whole_steps_make_whole_numbers() -> None:
    values = draw(sampler(sweep({"x": ["quniform", [1, 9, 2]], "y": ["randint", [4]]})), 20)
    assert all(type(value) is int for one in values for value in one.values())


def test_choices_keep_their_types() -> None:
    values = {one["x"] for one in draw(sampler(sweep({"x": ["choice", [[1, 2.5, "x"]]]})), 50)}
    assert values == {1, 2.5, "x"}


@pytest.mark.conformance("sweep: a seed makes random sampling repeatable")
@pytest.mark.parametrize("rule", ["random", "sobol"])
def test_a_seed_makes_it_repeatable(rule: str) -> None:
    space = {"x": ["uniform", [0, 1]], "y": ["choice", [[1, 2, 3]]]}

    def drawn(seed: int) -> list[dict[str, Scalar]]:
        return draw(sampler(sweep(space, {"type": "random", "rule": rule, "seed": seed})), 8)

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(-3)


@pytest.mark.conformance("sweep: Sobol's sequence covers the space evenly")
def test_sobol_covers_the_space_evenly() -> None:
    sobol = sampler(sweep({"x": ["uniform", [0, 8]]}, {"type": "random", "rule": "sobol", "seed": 1}))
    sobol.propose()  # Optuna draws the first one at random, and from then on out of the sequence.
    counts = Counter(int(float(one["x"])) for one in draw(sobol, 64))
    assert set(counts) == set(range(8))
    assert max(counts.values()) <= 10  # Random ones have 8 in each eighth, too, but give or take 3.


@pytest.mark.conformance("sweep: Bayesian sampling learns from the trials before")
@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_bayesian_sampling_learns(goal: str) -> None:
    space: dict[str, object] = {
        "x": ["uniform", [0, 10]],
        "c": ["choice", [["bad", "good"]]],
        "q": ["quniform", [0, 9, 3]],
    }
    bayesian = sampler(sweep(space, {"type": "bayesian", "seed": 1}, goal))
    losses = []
    for _ in range(60):
        proposal = bayesian.propose()
        assert proposal is not None
        loss = abs(float(proposal.values["x"]) - 7) + (5 if proposal.values["c"] == "bad" else 0)
        bayesian.learn(proposal, loss if goal == "minimize" else -loss)
        losses.append(loss)
    assert sum(losses[-20:]) < sum(losses[:20]) / 2


def test_bayesian_sampling_goes_on_after_trials_that_came_to_nothing() -> None:
    bayesian = sampler(sweep({"x": ["uniform", [0, 10]]}, "bayesian"))
    for _ in range(12):
        proposal = bayesian.propose()
        assert proposal is not None
        bayesian.learn(proposal, None)
    assert bayesian.propose() is not None


def test_the_emulator_starts_without_optuna() -> None:
    program = "import sys; import azureml_emulator.jobs.sweep.sampling; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
