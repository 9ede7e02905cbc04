"""The lines of `require` against metrics: what is met, what is not, and what is said of a line that is wrong."""

from __future__ import annotations

import pytest

from mlops_actions.errors import ActionError
from mlops_actions.gate.requirements import MOST_LINES, Finding, given_metrics, judge, parse

METRICS = {"accuracy": 0.8123456789, "loss": None, "val/f1-score": 0.7, "a.b": 1.0, "a-b": 2.0, "5fold": 0.5}


def judged(*lines: str) -> list[Finding]:
    return judge(parse(lines), METRICS)


def test_what_is_met_and_what_is_not() -> None:
    first, second = judged("accuracy >= 0.8", "accuracy > 0.9 or val_f1_score > 0.9")
    assert (first.met, second.met) == (True, False)
    assert str(first) == "accuracy >= 0.8 is met (accuracy = 0.812346)"
    assert str(second).endswith("is not met (accuracy = 0.812346, val_f1_score = 0.7)")


def test_a_metric_that_is_not_finite_meets_nothing() -> None:
    for line in ("loss < 1", "not loss < 1", "accuracy > 0.5 or loss < 1"):
        (finding,) = judged(line)
        assert not finding.met
        assert "loss = not a finite number; loss cannot be compared" in str(finding)


def test_a_division_by_zero_meets_nothing() -> None:
    (finding,) = judged("1 / (accuracy - accuracy) > 0")
    assert str(finding).endswith("is not met (accuracy = 0.812346; `1 / (accuracy - accuracy)` divides by zero)")


def test_names_that_python_could_not_read() -> None:
    assert [finding.met for finding in judged("val_f1_score == 0.7", "_5fold == 0.5")] == [True, True]


def test_a_name_that_may_be_either_of_two_metrics() -> None:
    with pytest.raises(ActionError, match=r"require, line 1 \(a_b > 0\): 'a_b' may be any of a\.b, a-b"):
        judged("a_b > 0")


def test_an_unknown_metric() -> None:
    with pytest.raises(ActionError) as error:
        judged("accuracy > 0", "auc > 0.5")
    assert str(error.value) == (
        "require, line 2 (auc > 0.5): there is no metric 'auc'; there are _5fold, a_b, accuracy, loss, val_f1_score"
    )


def test_no_metrics_at_all() -> None:
    with pytest.raises(ActionError, match="there is no metric 'auc'; there are none"):
        judge(parse(["auc > 0.5"]), {})


def test_many_metrics_are_not_all_told() -> None:
    with pytest.raises(ActionError, match=r"and 960 more$"):
        judge(parse(["auc > 0.5"]), {f"m{number}": 1.0 for number in range(1000)})


def test_a_line_that_is_no_expression() -> None:
    with pytest.raises(ActionError, match=r"^require, line 2 \(accuracy >\): it is not an expression: invalid syntax$"):
        parse(["accuracy > 0", "accuracy >"])


def test_a_long_line_is_not_told_whole() -> None:
    with pytest.raises(ActionError) as error:
        parse(["x" * 60_000])
    assert len(str(error.value)) < 250


def test_too_many_lines() -> None:
    with pytest.raises(ActionError, match=f"require has {MOST_LINES + 1} lines, more than {MOST_LINES}"):
        parse(["a > 0"] * (MOST_LINES + 1))


def test_given_metrics() -> None:
    assert given_metrics('{"accuracy": 1, "loss": NaN, "gap": null, "rate": 1e999}') == {
        "accuracy": 1.0,
        "loss": None,
        "gap": None,
        "rate": None,
    }


@pytest.mark.parametrize(
    "text",
    ["accuracy=1", "[1]", '{"accuracy": "1"}', '{"accuracy": true}', '{"a": {"b": 1}}', "[" * 60_000, "9" * 5000],
)
def test_what_is_not_a_json_object_of_numbers(text: str) -> None:
    with pytest.raises(ActionError) as error:
        given_metrics(text)
    assert str(error.value).startswith("metrics")
    assert len(str(error.value)) < 250


def test_a_number_beyond_floats_is_not_finite() -> None:
    assert given_metrics(f'{{"accuracy": {"9" * 400}}}') == {"accuracy": None}
