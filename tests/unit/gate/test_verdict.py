"""The verdict of findings and a comparison, and the tags that note it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.gate.comparison import Comparison, Model, Rule
from mlops_actions.gate.requirements import judge, parse
from mlops_actions.gate.verdict import Verdict

MODEL, CHAMPION = Model("animals", "4"), Model("animals", "3")


def verdict(*lines: str, passed: bool | None = None) -> Verdict:
    comparison = None if passed is None else Comparison(Rule("accuracy"), passed, "as compared", CHAMPION)
    return Verdict(MODEL, judge(parse(lines), {"accuracy": 0.9, "a|b<c>": 1.0}), comparison)


@pytest.mark.parametrize(
    ("line", "passed", "word"),
    [
        ("accuracy > 0.8", None, "accepted"),
        ("accuracy > 0.8", True, "accepted"),
        ("accuracy > 0.8", False, "refused"),
        ("accuracy > 0.95", True, "refused"),
        ("accuracy > 0.95", None, "refused"),
    ],
)
def test_all_has_to_speak_for_a_model(line: str, passed: bool | None, word: str) -> None:
    assert verdict(line, passed=passed).word == word


def test_the_reasons_are_those_of_the_verdict() -> None:
    assert verdict("accuracy > 0.8", "accuracy > 0.95", passed=True).reasons == [
        "accuracy > 0.95 is not met (accuracy = 0.9)"
    ]
    assert verdict("accuracy > 0.8", passed=True).reasons == ["accuracy > 0.8 is met (accuracy = 0.9)", "as compared"]


def test_the_tags_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    tags = verdict(*["accuracy > 0.8"] * 40, passed=True).tags
    assert len(tags["gate-reasons"]) == 250
    assert tags["gate-reasons"].endswith("…")
    assert tags["gate-champion"] == "animals:3"
    assert tags["gate-run"] == "none"


def test_the_summary_is_a_table_whatever_the_metrics_are_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    verdict("a_b_c_ > 0", "accuracy > 0 or accuracy < 1", passed=False).summarize()
    text = (tmp_path / "summary").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 4
    assert "❌ not met" in rows[3]
    assert "accuracy, higher is better" in rows[3]
    assert "- as compared" in text
