"""`make soak` in short: the same plan each time."""

import json
from pathlib import Path

import pytest

from soak import emulator, report
from soak.emulator.moments import MOMENTS

KILLS, SEED = 4, 6


@pytest.mark.conformance("trust: nothing acknowledged is lost by kill -9")
def test_emulators_that_are_killed_again_and_again_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "_ROOT", tmp_path)  # the last full measurement stays
    assert emulator.soak(KILLS, SEED), capsys.readouterr().out
    found = json.loads((tmp_path / "reports" / "emulator.json").read_text())
    assert found["kills"] == KILLS
    assert sum(found[f"kills_during_{moment}"] for moment in MOMENTS) == KILLS
    assert found["lost"] == found["starts_failed"] == found["runs_after_a_start_failed"] == found["wrong_answers"] == 0
    assert found["runs_after_a_start"] >= KILLS - found["kills_during_start"] + 1
    for kind in ("blobs", "data_assets", "environments", "computes", "jobs"):
        assert found[f"acknowledged_{kind}"] >= KILLS
