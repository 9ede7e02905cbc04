"""What the kills of train runs have shown, as figures."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from soak.report import Figures, machine

from .kills import KINDS
from .outcome import Outcome
from .workflow import STEPS

FULL = 50
"""Kills of the full size."""

HEADER = """# Train runs under kills

Written by `make soak`. Teams, two side by side with an emulator each, run the steps of `train.yml`, each as the command
of its action: register the assets (as often as not changed ones), start the compute (now and then it is to be created),
run a pipeline of four nodes that registers a model, and stop the compute. Each run is hit, in a step and after a part
of the step's time that a seed draws, and a quarter of the re-runs again:

- runner: the runner is lost; its processes are killed, and no clean-up runs
- step: the processes of a step are killed by SIGKILL; the clean-up runs
- cancel: the step is told to end as GitHub does it, by SIGINT, SIGTERM after 7.5 s, SIGKILL after another 2.5 s
- emulator: all of it, or its server alone, is killed by SIGKILL and started again up to 3 s later; its jobs have failed
- network: for up to 8 s connections break, answers are lost, everything is throttled, slow, unavailable or refused

A run that is not green is run again, as "re-run failed jobs" does it, until it is. After each attempt the workspace is
looked at over ARM. A *second job* is one that was submitted while another of the same run had not ended, or beside
one that completed. A *compute left running*, or a job, is one that is not at rest after a clean-up that ran. A
*half registered asset* is a version that is listed and of which something is missing, down to the bytes of its code and
data. A run that *completed* has the very model that its job made of what the repository held.
"""


def figures(outcomes: Sequence[Outcome], *, kills: int, seed: int, seconds: float) -> Figures:
    """The figures of all teams together."""
    done, steps, assets = Counter[str](), Counter[str](), Counter[str]()
    for outcome in outcomes:
        done += outcome.kills
        steps += outcome.steps
        assets += outcome.found.assets
    undisturbed = [one for outcome in outcomes for one in outcome.undisturbed_seconds]
    attempts = {kind: [n for outcome in outcomes for n in outcome.attempts_after[kind]] for kind in KINDS}
    return {
        "kills": sum(done[kind] for kind in KINDS),
        "kills_wanted": kills,
        "seed": seed,
        **{f"kills_of_{kind}": done[kind] for kind in KINDS},
        **{f"kills_during_{step}": steps[step] for step in STEPS},
        "runs": sum(outcome.runs for outcome in outcomes),
        "attempts": sum(outcome.attempts for outcome in outcomes),
        "completed": sum(outcome.completed for outcome in outcomes),
        **{f"green_at_once_after_{kind}": sum(1 for n in attempts[kind] if n == 1) for kind in KINDS},
        "most_attempts_of_a_run": max((n for found in attempts.values() for n in found), default=0),
        "jobs": sum(outcome.found.jobs for outcome in outcomes),
        **{f"assets_{kind}": count for kind, count in sorted(assets.items())},
        "second_jobs": sum(len(outcome.found.second_jobs) for outcome in outcomes),
        "computes_left_running": sum(len(outcome.found.computes_left_running) for outcome in outcomes),
        "half_registered_assets": sum(len(outcome.found.half_registered_assets) for outcome in outcomes),
        "models_missing": sum(len(outcome.found.models_missing) for outcome in outcomes),
        "runs_that_never_completed": sum(len(outcome.never_completed) for outcome in outcomes),
        "cancelled_steps_that_had_to_be_killed": sum(len(outcome.slow_to_end) for outcome in outcomes),
        "emulators_broken": sum(len(outcome.broken) for outcome in outcomes),
        "undisturbed_run_seconds_median": round(statistics.median(undisturbed), 1) if undisturbed else 0,
        "teams_side_by_side": len(outcomes),
        "seconds": round(seconds, 1),
        **machine("azure-ai-ml", "azureml-emulator"),
    }
