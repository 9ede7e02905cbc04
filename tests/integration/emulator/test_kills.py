"""`make soak` in short: the same plan each time."""

from pathlib import Path

import pytest

from soak.emulator import kill_again_and_again
from soak.emulator.moments import MOMENTS
from soak.emulator.report import figures

KILLS, SEED = 4, 6


@pytest.mark.conformance("trust: nothing acknowledged is lost by kill -9")
def test_an_emulator_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    outcomes = kill_again_and_again(tmp_path / "soak", KILLS, SEED, lanes=1)
    assert [line for outcome in outcomes for line in outcome.mistakes()] == []
    found = figures(outcomes, kills=KILLS, seed=SEED, seconds=0)
    assert found["kills"] == KILLS
    assert sum(int(found[f"kills_during_{moment}"]) for moment in MOMENTS) == KILLS
    assert found["kills_of_everything"]
    assert found["kills_of_the_server_alone"]
    assert int(found["runs_after_a_start"]) >= KILLS - int(found["kills_during_start"]) + 1
    for kind in ("blobs", "data_assets", "environments", "computes", "jobs"):
        assert int(found[f"acknowledged_{kind}"]) >= KILLS
