"""What the kills of the emulator have shown, as figures."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from soak.report import Figures, machine

from .lane import Outcome
from .moments import MOMENTS

FULL = 200
"""Kills of the full size."""

HEADER = """# The emulator under kill -9

Written by `make soak`. Emulators, two side by side, are killed at moments that a seed draws: while they start, once a
client begins to upload, once one submits a job, while a job runs; the server alone, or with it Azurite, MLflow and
the jobs. Six clients work meanwhile, and note what is acknowledged: blobs, data assets, environments, computes and
the operations on them, jobs and cancels. After each restart what is new, and a sample of the rest, is looked at, and
a job has to complete; in the end all of it is, and the databases are checked. A job that was seen to have ended must
still be so, with its output and its log; all others have failed, or were canceled; none runs on, and no run has run
twice.
"""


def figures(outcomes: Sequence[Outcome], *, kills: int, seed: int, seconds: float) -> Figures:
    """The figures of all emulators together."""
    done, acknowledged = Counter[str](), Counter[str]()
    for outcome in outcomes:
        done += outcome.kills
        acknowledged += outcome.acknowledged
    starts = [one for outcome in outcomes for one in outcome.start_seconds]
    return {
        "kills": sum(done[moment] for moment in MOMENTS),
        "kills_wanted": kills,
        "seed": seed,
        **{f"kills_during_{moment}": done[moment] for moment in MOMENTS},
        "kills_of_the_server_alone": done["server"],
        "kills_of_everything": done["everything"],
        "acknowledged": sum(acknowledged.values()),
        **{f"acknowledged_{kind.replace(' ', '_')}": count for kind, count in sorted(acknowledged.items())},
        "lost": sum(len(outcome.lost) for outcome in outcomes),
        "starts": len(starts),
        "starts_failed": sum(len(outcome.failed_starts) for outcome in outcomes),
        "start_seconds_median": round(statistics.median(starts), 2) if starts else 0,
        "start_seconds_worst": round(max(starts, default=0), 2),
        "stores_broken": sum(len(outcome.broken_stores) for outcome in outcomes),
        "runs_after_a_start": sum(outcome.runs for outcome in outcomes),
        "runs_after_a_start_failed": sum(len(outcome.failed_runs) for outcome in outcomes),
        "runs_that_ran_twice": sum(outcome.ran_twice for outcome in outcomes),
        "wrong_answers": sum(len(outcome.wrong) for outcome in outcomes),
        "emulators_side_by_side": len(outcomes),
        "seconds": round(seconds, 1),
        **machine(),
    }
