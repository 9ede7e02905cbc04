import math

import pytest

from azureml_emulator.jobs.sweep.policies import (
    Bandit,
    MedianStopping,
    Policy,
    Reports,
    Schedule,
    Standing,
    TruncationSelection,
)

pytestmark = pytest.mark.conformance("sweep: early termination has Azure's semantics")

ALWAYS = Schedule()


def ended(policy: Policy, interval: int, *, maximize: bool = True, **reports: Reports) -> list[str]:
    standing = Standing(reports, frozenset(), maximize)
    return [name for name in reports if policy.ends(name, interval, standing)]


def test_the_schedule_is_the_documented_one() -> None:
    schedule = Schedule(evaluation_interval=2, delay_evaluation=5)
    assert [interval for interval in range(1, 11) if schedule.applies(interval)] == [6, 8, 10]


def test_a_slack_factor_is_a_ratio_of_the_best() -> None:
    # The documentation's example: 0.8 / 1.2 is 0.66….
    policy = Bandit(ALWAYS, slack_factor=0.2)
    assert ended(policy, 1, a=[0.8], b=[0.67], c=[0.66]) == ["c"]
    assert ended(policy, 1, maximize=False, a=[1.0], b=[1.19], c=[1.21]) == ["c"]


def test_slack_leads_away_from_a_negative_best() -> None:
    policy = Bandit(ALWAYS, slack_factor=1.0)
    assert ended(policy, 1, a=[-1.0], b=[-1.9], c=[-2.1]) == ["c"]
    assert ended(policy, 1, maximize=False, a=[-2.0], b=[-1.1], c=[-0.9]) == ["c"]


def test_a_slack_amount_is_a_difference_to_the_best() -> None:
    policy = Bandit(ALWAYS, slack_amount=0.25)
    assert ended(policy, 1, a=[0.75], b=[0.5], c=[0.4]) == ["c"]
    assert ended(policy, 1, maximize=False, a=[0.5], b=[0.75], c=[0.8]) == ["c"]


def test_only_the_reports_up_to_the_interval_count() -> None:
    policy = Bandit(ALWAYS, slack_amount=0.0)
    assert ended(policy, 2, a=[0.1, 0.2, 9.0], b=[0.3, 0.1]) == ["a"]
    # One that has not come to the interval is not yet compared.
    assert ended(policy, 2, a=[0.1, 0.2], b=[9.0]) == []


def test_the_median_is_of_the_running_averages() -> None:
    # Averages 1, 3 and 5: a trial's best has to reach 3.
    assert ended(MedianStopping(ALWAYS), 2, a=[0, 2], b=[2, 4], c=[4, 6]) == ["a"]
    assert ended(MedianStopping(ALWAYS), 2, maximize=False, a=[0, 2], b=[2, 4], c=[4, 6]) == ["c"]


def test_a_single_trial_is_not_stopped() -> None:
    for policy in (Bandit(ALWAYS, slack_amount=0), MedianStopping(ALWAYS), TruncationSelection(ALWAYS, 99)):
        assert ended(policy, 3, a=[3, 2, 1]) == []


def test_truncation_ends_the_lowest_ranked() -> None:
    policy = TruncationSelection(ALWAYS, 40)
    assert ended(policy, 1, a=[5], b=[1], c=[4], d=[2], e=[3]) == ["b", "d"]
    assert ended(policy, 1, maximize=False, a=[5], b=[1], c=[4], d=[2], e=[3]) == ["a", "c"]
    assert ended(policy, 1, a=[5], b=[1]) == []  # 40 % of two are none.
    assert ended(TruncationSelection(ALWAYS, 50), 1, a=[1], b=[1]) == ["b"]


def test_truncation_may_leave_finished_jobs_out() -> None:
    standing = Standing({"a": [1], "b": [2], "c": [3]}, frozenset({"a"}), maximize=True)
    assert not TruncationSelection(ALWAYS, 50).ends("b", 1, standing)
    assert TruncationSelection(ALWAYS, 50, exclude_finished_jobs=True).ends("b", 1, standing)


def test_what_is_not_a_number_is_passed_over() -> None:
    for policy in (Bandit(ALWAYS, slack_amount=0), MedianStopping(ALWAYS), TruncationSelection(ALWAYS, 50)):
        assert ended(policy, 1, a=[math.nan]) == []
        assert ended(policy, 1, a=[math.nan], b=[1.0]) == []
