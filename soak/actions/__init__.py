"""Train runs whose runner, emulator or network is killed: no job twice, nothing left running, nothing half there."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from soak import report
from soak.lanes import LANES, side_by_side

from .lane import Lane
from .outcome import Outcome
from .table import FULL, HEADER, figures

__all__ = ["FULL", "kill_again_and_again", "soak"]


def kill_again_and_again(
    folder: Path, kills: int, seed: int, *, lanes: int = LANES, tell: Callable[[str], object] = str
) -> list[Outcome]:
    """Kill runs in `folder`, of several teams side by side, so often altogether."""

    def run(number: int, share: int) -> Outcome:
        lane = Lane(folder / str(number), f"{seed}:{number}", lambda text: tell(f"team {number + 1}: {text}"))
        return lane.run(share)

    return side_by_side(run, kills, lanes)


def soak(kills: int, seed: int) -> bool:
    """Do it at full size, write `reports/actions.json` and print a table; whether all was well.

    What is found wrong is printed, and the folders with the logs of all steps are left to look at.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(
        f"{kills} kills, seed {seed}: `make soak TOPIC=actions KILLS={kills} SEED={seed}` draws the same plan"
    )
    folder = Path(tempfile.mkdtemp(prefix="soak-actions-"))
    began = time.monotonic()
    outcomes = kill_again_and_again(folder, kills, seed, tell=console.print)
    found = figures(outcomes, kills=kills, seed=seed, seconds=time.monotonic() - began)
    report.write("actions", found, HEADER, full=int(found["kills"]) >= FULL)
    report.show("train runs under kills", found, console)
    mistakes = report.mistakes(outcomes, console)
    if mistakes:
        console.print(f"{len(mistakes)} mistakes; what the steps said is in {folder}", style="red")
    else:
        shutil.rmtree(folder)
    return not mistakes
