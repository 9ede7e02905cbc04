import copy
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azureml_emulator.errors import ServiceError
from azureml_emulator.jobs.sweep import specification
from azureml_emulator.jobs.sweep.policies import Bandit, MedianStopping, Schedule, TruncationSelection
from azureml_emulator.jobs.sweep.sampling import sampler
from azureml_emulator.jobs.sweep.space import Choice, Normal, Randint, Uniform
from azureml_emulator.jobs.sweep.specification import Limits, Objective, Sampling, Sweep

pytestmark = pytest.mark.conformance("sweep: search spaces, samplers, policies and limits are read and checked")

# As azure-ai-ml sends them: a standalone job's properties, and a node of a pipeline.
JOB: dict[str, Any] = {
    "jobType": "Sweep",
    "searchSpace": {"lr": ["uniform", [0.01, 0.1]], "layers": ["choice", [[1, 2.5, "x"]]]},
    "samplingAlgorithm": {"rule": "sobol", "seed": 123, "samplingAlgorithmType": "Random"},
    "limits": {
        "maxConcurrentTrials": 10,
        "maxTotalTrials": 20,
        "timeout": "PT2H",
        "trialTimeout": "P1DT1M",
        "jobLimitsType": "Sweep",
    },
    "earlyTermination": {
        "delayEvaluation": 2,
        "evaluationInterval": 1,
        "slackFactor": 0.1,
        "slackAmount": 0,
        "policyType": "Bandit",
    },
    "objective": {"goal": "maximize", "primaryMetric": "acc"},
}
NODE: dict[str, Any] = {
    "type": "sweep",
    "search_space": {"lr": {"type": "uniform", "min_value": 0.01, "max_value": 0.1}},
    "sampling_algorithm": "random",
    "limits": {"max_total_trials": 4, "max_concurrent_trials": 2, "timeout": 60, "trial_timeout": 90},
    "early_termination": {"policy_type": "MedianStopping", "delay_evaluation": 5, "evaluation_interval": 0},
    "objective": {"goal": "minimize", "primary_metric": "loss"},
}
OPEN: dict[str, Any] = {**NODE, "early_termination": None}


def test_a_job_is_read() -> None:
    assert specification.read(JOB, "job") == Sweep(
        space={"lr": Uniform(0.01, 0.1), "layers": Choice((1, 2.5, "x"))},
        sampling=Sampling("random", 123, sobol=True),
        objective=Objective("acc", maximize=True),
        limits=Limits(20, 10, 7200, 86460),
        policy=Bandit(Schedule(1, 2), slack_factor=0.1),
    )


def test_a_node_is_read() -> None:
    assert specification.read(NODE, "job") == Sweep(
        space={"lr": Uniform(0.01, 0.1)},
        sampling=Sampling("random"),
        objective=Objective("loss", maximize=False),
        limits=Limits(4, 2, 60, 90),
        policy=MedianStopping(Schedule(1, 5)),
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["randint", [20]], Randint(20)),
        (["quniform", [1, 10, 2]], Uniform(1, 10, "quniform", None, 2)),
        (["loguniform", [-6, -1]], Uniform(-6, -1, "loguniform", math.e)),
        (["qloguniform", [-6, -1, 0.1]], Uniform(-6, -1, "qloguniform", math.e, 0.1)),
        (["normal", [1, 2]], Normal(1, 2)),
        (["qnormal", [1, 2, 1]], Normal(1, 2, "qnormal", None, 1)),
        (["lognormal", [1, 2]], Normal(1, 2, "lognormal", math.e)),
        ({"type": "qlognormal", "mu": 1, "sigma": 2, "q": 1}, Normal(1, 2, "qlognormal", math.e, 1)),
        ({"type": "choice", "values": ["a", "b"]}, Choice(("a", "b"))),
    ],
)
def test_every_distribution_is_read(written: object, expected: object) -> None:
    assert specification.read({**OPEN, "search_space": {"x": written}}, "job").space == {"x": expected}


def test_what_is_left_out_has_azures_defaults() -> None:
    sweep = specification.read(
        {"search_space": {"x": ["randint", [3]]}, "objective": {"primary_metric": "m", "goal": "Maximize"}}, "job"
    )
    assert sweep.limits == Limits(1000, 100)
    assert (sweep.sampling, sweep.policy, sweep.size) == (Sampling("random"), None, None)


def test_the_base_of_logarithms_can_be_given() -> None:
    spec = {
        **OPEN,
        "search_space": {"x": ["loguniform", [-2, 2]]},
        "sampling_algorithm": {"type": "random", "logbase": 10},
    }
    assert specification.read(spec, "job").space["x"].value(0.75) == pytest.approx(10)


def test_the_policies_are_read() -> None:
    truncation = {"policyType": "TruncationSelection", "truncationPercentage": 20, "evaluationInterval": 3}
    assert specification.read({**JOB, "earlyTermination": truncation}, "job").policy == TruncationSelection(
        Schedule(3, 0), 20
    )
    amount = {"policy_type": "Bandit", "slack_amount": 0.2}
    assert specification.read({**NODE, "early_termination": amount}, "job").policy == Bandit(
        Schedule(), slack_amount=0.2
    )


def test_a_grid_knows_its_size() -> None:
    spec = {
        **OPEN,
        "sampling_algorithm": "grid",
        "search_space": {"a": ["choice", [[1, 2]]], "b": ["choice", [[1, 2, 3]]]},
    }
    assert specification.read(spec, "job").size == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"search_space": {}}, "search_space is empty"),
        ({"search_space": {"a b": ["randint", [3]]}}, "'a b' is not a name"),
        ({"search_space": {"x": {"type": "gamma"}}}, "'gamma' is no distribution"),
        ({"search_space": {"x": "uniform"}}, "search_space.x is not an object"),
        ({"search_space": {"x": ["uniform"]}}, "search_space.x is not a distribution"),
        ({"search_space": {"x": ["uniform", [1]]}}, "uniform needs min_value, max_value"),
        ({"search_space": {"x": ["uniform", [2, 1]]}}, "min_value 2 is above max_value 1"),
        ({"search_space": {"x": ["uniform", ["low", 1]]}}, "'low' is not a number"),
        ({"search_space": {"x": ["uniform", [0, 10**400]]}}, "not finite"),
        ({"search_space": {"x": ["uniform", [-1.7e308, 1.7e308]]}}, "leave the range"),
        ({"search_space": {"x": ["quniform", [0, 1.7e308, 1e-10]]}}, "leave the range"),
        ({"search_space": {"x": ["loguniform", [0, 1000]]}}, "leave the range"),
        ({"search_space": {"x": ["quniform", [0, 1, 0]]}}, "q is 0, not above 0"),
        ({"search_space": {"x": ["normal", [0, 0]]}}, "sigma is 0, not above 0"),
        ({"search_space": {"x": ["randint", [0]]}}, "upper is 0"),
        ({"search_space": {"x": ["randint", [2.5]]}}, r"upper is 2\.5"),
        ({"search_space": {"x": ["choice", [[]]]}}, "choice needs a list of values"),
        ({"search_space": {"x": ["choice", [[[1]]]]}}, r"\[1\] is not a number or a string"),
        ({"sampling_algorithm": "hyperband"}, "'hyperband' is no sampling algorithm"),
        ({"sampling_algorithm": {"type": "random", "rule": "halton"}}, "neither random nor sobol"),
        ({"sampling_algorithm": {"type": "random", "seed": 1.5}}, "seed is 1.5, not an integer"),
        ({"sampling_algorithm": {"type": "random", "logbase": 0}}, "neither e nor above 0"),
        ({"sampling_algorithm": "grid"}, "grid sampling only supports choice; not uniform"),
        (
            {"sampling_algorithm": "bayesian", "search_space": {"x": ["normal", [0, 1]]}},
            "bayesian sampling only supports choice, uniform, quniform; not normal",
        ),
        (
            {"sampling_algorithm": "bayesian", "early_termination": {"type": "median_stopping"}},
            "Bayesian sampling does not support early termination",
        ),
        ({"objective": {"goal": "maximize"}}, "has no primary_metric"),
        ({"objective": {"goal": "most", "primary_metric": "x"}}, "neither maximize nor minimize"),
        ({"limits": {"max_total_trials": 0}}, "max_total_trials is 0: it must be an integer between 1 and 1000"),
        ({"limits": {"max_total_trials": 1001}}, "between 1 and 1000"),
        ({"limits": {"max_total_trials": 200, "max_concurrent_trials": 101}}, "between 1 and 100"),
        ({"limits": {"max_total_trials": 3, "max_concurrent_trials": 4}}, "4, more than max_total_trials, which is 3"),
        ({"limits": {"max_total_trials": "many"}}, "'many', not a number"),
        ({"limits": {"max_total_trials": 3, "timeout": "soon"}}, "'soon', not a number"),
        ({"limits": {"max_total_trials": 3, "trial_timeout": 0}}, "not above 0"),
        ({"early_termination": {"type": "patience"}}, "'patience' is no policy"),
        ({"early_termination": {"type": "bandit"}}, "needs slack_factor or slack_amount"),
        ({"early_termination": {"type": "bandit", "slack_factor": 1, "slack_amount": 1}}, "not both"),
        ({"early_termination": {"type": "bandit", "slack_factor": -1}}, "less than 0"),
        ({"early_termination": {"type": "bandit", "slack_factor": 1, "evaluation_interval": -1}}, "at least 0"),
        ({"early_termination": {"type": "truncation_selection"}}, "has no truncation_percentage"),
        (
            {"early_termination": {"type": "truncation_selection", "truncation_percentage": 100}},
            "between 1 and 99",
        ),
    ],
)
def test_what_azure_refuses_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError, match=message) as refused:
        specification.read({**OPEN, **change}, "job")
    assert refused.value.status == 400


def test_a_nested_search_space_is_not_implemented() -> None:
    spec = {**OPEN, "search_space": {"x": ["choice", [[{"a": ["uniform", [0, 1]]}]]]}}
    with pytest.raises(ServiceError, match="not implemented by this emulator") as refused:
        specification.read(spec, "job")
    assert refused.value.status == 501


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["choice", "bandit"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "seed", "q"]), inner),
    max_leaves=5,
)
SPACE: dict[str, Any] = {
    name: [name, values] if name != "choice" else [name, [values]]
    for name, values in {
        "choice": [1, 2], "randint": [3], "quniform": [0, 1, 0.1], "loguniform": [-1, 1], "qlognormal": [0, 1, 2],
    }.items()
}  # fmt: skip


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, one in entries for found in [(*before, key), *paths(one, (*before, key))]]


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(where=st.sampled_from(paths({**JOB, "searchSpace": SPACE})), instead=JSON)
def test_whatever_is_written_is_read_or_refused(where: tuple[Any, ...], instead: Any) -> None:
    spec = copy.deepcopy({**JOB, "searchSpace": SPACE})
    inner: Any = spec
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = instead
    try:
        sweep = specification.read(spec, "job")
    except ServiceError:
        return  # Anything else that is raised would be answered with a 500.
    assert sampler(sweep).propose() is not None
