"""Champion against challenger: the margin, which way better is, and what is said of figures that cannot be compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.errors import ActionError
from mlops_actions.gate.comparison import Model, Rule, compare
from mlops_actions.gate.contest import rule
from mlops_actions.gate.measured import Training
from mlops_actions.gate.recorded import compare_recorded

CHAMPION = Model("animals", "3")


@pytest.mark.parametrize(
    ("candidate", "champion", "margin", "passes"),
    [
        (0.8, 0.8, 0, True),
        (0.8, 0.8, 0.01, False),
        (0.57, 0.56, 0.01, True),  # 0.57 - 0.56 is 0.00999…
        (0.569, 0.56, 0.01, False),
        (0.55, 0.56, -0.01, True),
        (0.54, 0.56, -0.01, False),
        (0.9, 0.1, 0.5, True),
    ],
)
def test_the_margin(candidate: float, champion: float, margin: float, passes: bool) -> None:
    assert Rule("accuracy", margin).allows(candidate, champion) is passes
    assert Rule("loss", margin, higher_is_better=False).allows(champion, candidate) is passes


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(-100, 100))
def test_figures_of_three_decimals_are_compared_as_such(candidate: int, champion: int, margin: int) -> None:
    expected = candidate - champion >= margin
    assert Rule("accuracy", margin / 1000).allows(candidate / 1000, champion / 1000) is expected


def test_what_is_said() -> None:
    better = compare(Rule("accuracy", 0.1), CHAMPION, (0.9, 0.8), "the same data")
    assert better.passed
    assert better.reason == "accuracy 0.9 is 0.1 better than the champion's 0.8 (animals:3); the margin is 0.1"
    lower = compare(Rule("loss", 0, higher_is_better=False), CHAMPION, (0.9, 0.8), "")
    assert not lower.passed
    assert lower.reason.startswith("loss 0.9 is 0.1 worse than the champion's 0.8")


@pytest.mark.parametrize(
    ("values", "who"), [((None, 0.8), "the candidate's"), ((0.8, None), "the champion's (animals:3)")]
)
def test_what_is_not_finite_beats_nothing(values: tuple[float | None, float | None], who: str) -> None:
    comparison = compare(Rule("loss", -9), CHAMPION, values, "")
    assert not comparison.passed
    assert comparison.reason == f"{who} loss is not a finite number: the two cannot be compared"


def test_what_was_recorded_on_different_or_unknown_data_is_not_compared() -> None:
    known, other = Training({"accuracy": 1.0}, "aa"), Training({"accuracy": 0.0}, "bb")
    silent = Training({"accuracy": 0.0}, None)
    for one, another, why in [
        (known, other, "the test_data_sha256 of candidate and champion differ"),
        (known, silent, "the champion did not record"),
        (silent, known, "the candidate did not record"),
        (None, None, "the candidate and the champion did not record"),
    ]:
        comparison = compare_recorded(Rule("accuracy"), CHAMPION, one, another)
        assert not comparison.passed
        assert why in comparison.reason
        assert comparison.candidate_value is None
    assert compare_recorded(Rule("accuracy"), CHAMPION, known, known).passed
    with pytest.raises(ActionError, match="the candidate's training recorded no metric 'auc'"):
        compare_recorded(Rule("auc"), CHAMPION, known, known)


def test_a_rule_says_something() -> None:
    with pytest.raises(ActionError, match="champion is given without compare"):
        rule(None, 0, higher_is_better=True)
    for margin in (float("nan"), float("inf")):
        with pytest.raises(ActionError, match="margin is not a finite number"):
            rule("accuracy", margin, higher_is_better=True)
