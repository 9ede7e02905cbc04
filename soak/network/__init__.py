"""Train runs while a fifth of all requests fails: each completes at its first attempt."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from soak import report
from soak.actions.lane import Lane
from soak.actions.outcome import Outcome
from soak.lanes import LANES, side_by_side
from soak.report import Figures, machine

from .faults import FAULTS, TUNNELS

FULL = 20
"""Runs of the full size."""


_HEADER = f"""# Train runs on a bad network

Written by `make soak`. Teams, two side by side with an emulator each, run the steps of `train.yml`, each as the command
of its action, on code and data that changed more often than not. All the while requests fail: one in twenty each is
answered 429 with a Retry-After, is answered 503, has its connection reset, and waits for 2 s, which is a fifth
altogether; so do the connections to the storage, of which one in twenty each is {", ".join(TUNNELS[:-1])} or
{TUNNELS[-1]}. A run that *completed at once* was green at its first attempt, with the very model that its job made.
"""


def run_on_a_bad_network(
    folder: Path, runs: int, seed: int, *, lanes: int = LANES, tell: Callable[[str], object] = str
) -> list[Outcome]:
    """Run so often altogether, teams side by side, in `folder`."""

    def run(number: int, share: int) -> Outcome:
        lane = Lane(folder / str(number), f"{seed}:{number}", lambda text: tell(f"team {number + 1}: {text}"))
        return lane.endure(share, FAULTS)

    return side_by_side(run, runs, lanes)


def soak(runs: int, seed: int) -> bool:
    """Do it at full size, write `reports/network.json` and print a table; whether all was well."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(f"{runs} runs, seed {seed}: `make soak TOPIC=network KILLS={runs} SEED={seed}` draws the same plan")
    folder = Path(tempfile.mkdtemp(prefix="soak-network-"))
    began = time.monotonic()
    outcomes = run_on_a_bad_network(folder, runs, seed, tell=console.print)
    found = figures(outcomes, seed=seed, seconds=time.monotonic() - began)
    report.write("network", found, _HEADER, full=int(found["runs"]) >= FULL)
    report.show("train runs on a bad network", found, console)
    mistakes = report.mistakes(outcomes, console)
    good = not mistakes and found["completed_at_once"] == found["runs"]
    if good:
        shutil.rmtree(folder)
    else:
        console.print(f"what the steps said is in {folder}", style="red")
    return good


def figures(outcomes: Sequence[Outcome], *, seed: int, seconds: float) -> Figures:
    """The figures of all teams together."""
    struck, asked = Counter[str](), Counter[str]()
    for outcome in outcomes:
        struck += outcome.struck
        asked += outcome.asked
    # The rules for requests see one after the other what the former did not strike: the first sees all.
    requests = asked["throttled"]
    hits = sum(count for name, count in struck.items() if not name.startswith("storage"))
    taken = [seconds for outcome in outcomes for seconds in outcome.run_seconds]
    return {
        "runs": sum(outcome.runs for outcome in outcomes),
        "seed": seed,
        "completed": sum(outcome.completed for outcome in outcomes),
        "completed_at_once": sum(outcome.completed_at_once for outcome in outcomes),
        "mistakes": sum(len(outcome.mistakes()) for outcome in outcomes),
        "requests": requests,
        "requests_struck": hits,
        "requests_struck_percent": round(100 * hits / requests, 1) if requests else 0,
        **{f"struck_{name.replace('-', '_')}": count for name, count in sorted(struck.items())},
        "jobs": sum(outcome.found.jobs for outcome in outcomes),
        "run_seconds_median": round(statistics.median(taken), 1) if taken else 0,
        "run_seconds_worst": round(max(taken, default=0), 1),
        "teams_side_by_side": len(outcomes),
        "seconds": round(seconds, 1),
        **machine("azure-ai-ml", "azureml-emulator"),
    }
