"""The emulator under `kill -9`: nothing that it acknowledged is lost, its store opens, the next run works."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from soak import report

from .lane import Lane, Outcome
from .table import FULL, HEADER, figures

__all__ = ["FULL", "kill_again_and_again", "soak"]

_LANES = 2
_MISTAKES_SHOWN = 50


def kill_again_and_again(
    folder: Path, kills: int, seed: int, *, lanes: int = _LANES, tell: Callable[[str], object] = str
) -> list[Outcome]:
    """Kill emulators in `folder`, several side by side, so often altogether."""
    lanes = min(lanes, kills)
    share = [kills // lanes + (number < kills % lanes) for number in range(lanes)]

    def run(number: int) -> Outcome:
        lane = Lane(folder / str(number), f"{seed}:{number}", lambda text: tell(f"emulator {number + 1}: {text}"))
        return lane.run(share[number])

    with ThreadPoolExecutor(lanes) as pool:
        return list(pool.map(run, range(lanes)))


def soak(kills: int, seed: int) -> bool:
    """Do it at full size, write `reports/emulator.json` and print a table; whether all was well.

    What is found wrong is printed, and the emulators' folders are left to look at.
    """
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{kills} kills, seed {seed}: `make soak KILLS={kills} SEED={seed}` draws the same plan again")
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    began = time.monotonic()
    lanes = min(_LANES, os.cpu_count() or 1)
    outcomes = kill_again_and_again(folder, kills, seed, lanes=lanes, tell=console.print)
    found = figures(outcomes, kills=kills, seed=seed, seconds=time.monotonic() - began)
    report.write("emulator", found, HEADER, full=int(found["kills"]) >= FULL)
    report.show("the emulator under kill -9", found, console)
    mistakes = [line for outcome in outcomes for line in outcome.mistakes()]
    for line in mistakes[:_MISTAKES_SHOWN]:
        console.print(f"wrong: {line}", style="red", markup=False)
    if mistakes:
        console.print(f"{len(mistakes)} mistakes; the emulators' folders are in {folder}", style="red")
    else:
        shutil.rmtree(folder)
    return not mistakes
