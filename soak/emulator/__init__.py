"""The emulator under `kill -9`: nothing that it acknowledged is lost, its store opens, the next run works."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from soak import report
from soak.lanes import LANES, side_by_side

from .lane import Lane, Outcome
from .table import FULL, HEADER, figures

__all__ = ["FULL", "kill_again_and_again", "soak"]


def kill_again_and_again(
    folder: Path, kills: int, seed: int, *, lanes: int = LANES, tell: Callable[[str], object] = str
) -> list[Outcome]:
    """Kill emulators in `folder`, several side by side, so often altogether."""

    def run(number: int, share: int) -> Outcome:
        lane = Lane(folder / str(number), f"{seed}:{number}", lambda text: tell(f"emulator {number + 1}: {text}"))
        return lane.run(share)

    return side_by_side(run, kills, lanes)


def soak(kills: int, seed: int) -> bool:
    """Do it at full size, write `reports/emulator.json` and print a table; whether all was well.

    What is found wrong is printed, and the emulators' folders are left to look at.
    """
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        f"{kills} kills, seed {seed}: `make soak TOPIC=emulator KILLS={kills} SEED={seed}` draws the same plan"
    )
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    began = time.monotonic()
    outcomes = kill_again_and_again(folder, kills, seed, tell=console.print)
    found = figures(outcomes, kills=kills, seed=seed, seconds=time.monotonic() - began)
    report.write("emulator", found, HEADER, full=int(found["kills"]) >= FULL)
    report.show("the emulator under kill -9", found, console)
    mistakes = report.mistakes(outcomes, console)
    if mistakes:
        console.print(f"{len(mistakes)} mistakes; the emulators' folders are in {folder}", style="red")
    else:
        shutil.rmtree(folder)
    return not mistakes
