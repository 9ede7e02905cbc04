"""The inference service under what its users would rather not send."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from rich.console import Console

from soak import report

from . import overload
from .table import HEADER, figures
from .uploads import FULL, fuzz

__all__ = ["FULL", "fuzz", "soak"]


def soak(uploads: int, seed: int) -> bool:
    """Do it at full size, add to `reports/serving.json` and print a table; whether all was well.

    What is found wrong is printed, and the folder with the requests of which it came is left to look at.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(
        f"{uploads} uploads, seed {seed}: `make soak TOPIC=serving KILLS={uploads} SEED={seed}` draws the same plan"
    )
    folder = Path(tempfile.mkdtemp(prefix="soak-serving-"))
    began = time.monotonic()
    outcome = fuzz(folder, uploads, seed, tell=console.print)
    found = figures(outcome, seed=seed, seconds=time.monotonic() - began)
    full = uploads >= FULL
    crowded = overload.endure(
        folder, seconds=overload.FULL_SECONDS if full else overload.SHORT_SECONDS, tell=console.print
    )
    found |= crowded.figures()
    report.write("serving", found, HEADER + overload.HEADER, full=full, shared=True)
    report.show("the service under damaged uploads and overload", found, console)
    mistakes = report.mistakes([outcome, crowded], console)
    if mistakes:
        console.print(f"{len(mistakes)} mistakes; the requests and the service's log are in {folder}", style="red")
    else:
        shutil.rmtree(folder)
    return not mistakes
