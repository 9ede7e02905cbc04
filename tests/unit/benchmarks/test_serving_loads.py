from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from benchmarks.report import BenchmarkError
from benchmarks.serving import closed_loop, open_loop


def as_wrk_corrects(measured: Counter[int], expected: int) -> Counter[int]:
    """What wrk adds to a histogram, as its documentation and source tell."""
    told = Counter(measured)
    for value in range(2 * expected, max(measured) + 1):
        for added in range(value - expected, expected, -expected):
            told[added] += told[value]
    return +told


def told_by_wrk(histogram: Counter[int], **changed: object) -> str:
    result: dict[str, object] = {
        "microseconds": 4_000_000,
        "requests": histogram.total(),
        "statuses": {"200": histogram.total()},
        **dict.fromkeys(("connect", "read", "write", "timeout"), 0),
        "histogram": sorted(histogram.items()),
        **changed,
    }
    return f"Running 4s test @ http://127.0.0.1:1/predict\nwrk-result {json.dumps(result)}\n"


@pytest.mark.parametrize("seed", range(5))
def test_what_wrk_adds_to_its_latencies_is_taken_away_again(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - not a secret
    measured = Counter(int(draw.lognormvariate(6, 1.2)) for _ in range(400))
    corrected = as_wrk_corrects(measured, 300)
    assert corrected.total() > measured.total()
    assert closed_loop.measured(corrected, 300) == measured


def test_the_expected_time_between_requests_is_wrks_own() -> None:
    measured = Counter({10_000: 700, 60_000: 90, 350_000: 10})
    load = closed_loop.parse(told_by_wrk(as_wrk_corrects(measured, 40_000), requests=800), connections=8)
    assert load.latencies == measured
    assert (load.percentile(50), load.percentile(99), load.percentile(99.9)) == (10, 350, 350)


def test_only_answers_with_status_200_count() -> None:
    histogram = Counter({1000: 100})
    text = told_by_wrk(histogram, statuses={"200": 60, "503": 40}, timeout=2, read=1)
    load = closed_loop.parse(text, connections=8)
    assert load.rate == 15
    assert load.errors == 43


def test_few_answers_are_no_rate_of_zero() -> None:
    load = closed_loop.parse(told_by_wrk(Counter({3_000_000: 5})), connections=128)
    assert load.rate == 1.25
    assert load.percentile(99) == 3000


def test_a_run_that_told_nothing_is_an_error() -> None:
    with pytest.raises(BenchmarkError, match="wrk told no result: unable to connect"):
        closed_loop.parse("", connections=1, complaint="unable to connect to 127.0.0.1:1 Connection refused")


def test_percentiles_by_nearest_rank() -> None:
    histogram = Counter(range(1, 101))
    assert [closed_loop.percentile(histogram, percent) for percent in (1, 50, 99, 99.9, 100)] == [1, 50, 99, 100, 100]
    assert closed_loop.percentile(Counter(), 99) == 0


def test_results_at_a_fixed_rate() -> None:
    rows = [
        "1700000000000000000,200,8000000,62000,90,,e30=,a,0,POST,http://127.0.0.1:1/predict,",
        "1700000000500000000,503,900000,62000,40,503 Service Unavailable,e30=,a,1,POST,http://127.0.0.1:1/predict,",
        '1700000001000000000,0,100,62000,0,"Post ""http://127.0.0.1:1"": EOF",,a,2,POST,http://127.0.0.1:1/predict,',
    ]
    offered = open_loop.parse("\n".join(rows))
    assert offered.statuses == {200: 1, 503: 1, 0: 1}
    assert offered.errors == {'Post "http://127.0.0.1:1": EOF': 1}
    assert offered.latencies == {8000: 1}
    assert offered.rate == pytest.approx(2)


def test_the_version_of_the_open_loop_is_that_of_its_module() -> None:
    assert open_loop.version().startswith("v12.")
