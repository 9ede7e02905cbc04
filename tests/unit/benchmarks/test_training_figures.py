from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks import report, training
from benchmarks.report import BenchmarkError
from benchmarks.training.figures import SHARES, Round, Trial, rows, standard_error

EXPORT = {"onnx_photos": 1000.0, "onnx_other_labels": 0.0, "onnx_largest_difference": 3e-6}


def trial(seconds: float, accuracy: float) -> Trial:
    return Trial(seconds, accuracy, tested=240, parameters=1000, passes=5)


def one_round(seed: int, *accuracies: float, baseline: float = 0.5) -> Round:
    """Ours takes a little less than it is granted of the baseline's ten seconds."""
    ours = {
        share: trial(9.5 * granted, accuracy)
        for (share, granted), accuracy in zip(SHARES.items(), accuracies, strict=True)
    }
    return Round(seed, trial(10, baseline), ours)


def test_the_time_to_the_baseline_is_of_the_first_schedule_that_comes_to_its_accuracy() -> None:
    assert one_round(1, 0.5, 0.6, 0.7, 0.8).time_to_baseline() == pytest.approx(0.25 * 0.95)
    assert one_round(1, 0.49, 0.6, 0.7, 0.8).time_to_baseline() == pytest.approx(0.33 * 0.95)
    assert one_round(1, 0.49, 0.49, 0.7, 0.8).time_to_baseline() == pytest.approx(0.95)


def test_a_training_that_never_comes_to_it_is_told_and_not_counted() -> None:
    with pytest.raises(BenchmarkError, match="with seed 7"):
        one_round(7, 0.4, 0.4, 0.4, 0.4).time_to_baseline()


def test_the_report_has_the_means_and_each_seed() -> None:
    rounds = [one_round(1, 0.4, 0.6, 0.7, 0.8), one_round(2, 0.4, 0.4, 0.8, 0.9)]
    found = {row.key: row.value for row in rows(rounds, EXPORT)}
    assert found["time_to_baseline_accuracy"] == pytest.approx((0.33 + 1) / 2 * 0.95)
    assert found["ours_once_accuracy"] == pytest.approx(0.75)
    assert (found["ours_once_accuracy_seed_1"], found["ours_once_accuracy_seed_2"]) == (0.7, 0.8)
    assert found["ours_thrice_time_max"] == pytest.approx(2.85)
    assert found["onnx_largest_difference"] == 3e-6


def test_the_standard_error_is_of_all_tested_photos() -> None:
    assert standard_error([trial(1, 0.8), trial(1, 0.8), trial(1, 0.8)]) == pytest.approx(0.0149, abs=1e-4)


def test_a_small_figure_is_not_rounded_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "REPORTS", tmp_path)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    report.write("training", "Title", rows([one_round(1, 0.4, 0.6, 0.7, 0.8)], EXPORT), versions={"keras": "3"})
    written = json.loads((tmp_path / "training.json").read_text())
    assert written["onnx_largest_difference"] == 3e-6
    assert "Written by `make bench`" in (tmp_path / "docs" / "training-bench.md").read_text()


def test_it_is_skipped_in_one_line_where_there_are_no_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "PHOTOS", tmp_path / "animals")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("there is nothing to run"))
    training.measure()
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("training: skipped, as there are no photos in ")
