"""What is done to a run, and when: drawn beforehand, so that a seed gives the same plan again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from azureml_emulator import lifecycle
from azureml_emulator.faults import validation
from azureml_emulator.faults.client import Control
from azureml_emulator.settings import VENV
from soak.emulator import moments

from .workflow import ASSETS, PIPELINE, START, STEPS, STOP, Running

RUNNER, STEP, CANCEL, EMULATOR, NETWORK = "runner", "step", "cancel", "emulator", "network"
KINDS = (RUNNER, STEP, CANCEL, EMULATOR, NETWORK)
"""The runner is lost; a step's processes are killed, and the clean-up follows; the run is cancelled; the emulator is
killed and started again; the network is bad for a while."""

TIME_SCALE = 0.3
SIGINT_SECONDS, SIGTERM_SECONDS = 7.5, 2.5
"""How long GitHub waits after each signal to a step that it cancels:
https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation"""

_STEP_WEIGHTS = {ASSETS: 3, START: 3, PIPELINE: 6, STOP: 2}
_ANYWHERE = {"route": "/**"}
_STORAGE = {"tunnel": "*.blob.core.windows.net"}
NETWORKS: dict[str, list[dict[str, Any]]] = {
    "resets": [
        {"fault": "reset", **_ANYWHERE, "probability": 0.4},
        {"fault": "reset", **_STORAGE, "after_bytes": 2000, "probability": 0.4},
    ],
    "lost answers": [{"fault": "reset", "performed": True, **_ANYWHERE, "probability": 0.4}],
    "throttled": [{"fault": "status", "status": 429, "retry_after": 1, **_ANYWHERE, "probability": 0.5}],
    "unavailable": [{"fault": "status", "status": 503, "performed": True, **_ANYWHERE, "probability": 0.4}],
    "outage": [{"fault": "refuse", "tunnel": "*"}, {"fault": "reset", **_ANYWHERE}],
    "stalls": [
        {"fault": "slow", "seconds": 2, **_ANYWHERE, "probability": 0.4},
        {"fault": "slow", "seconds": 2, **_STORAGE, "probability": 0.4},
    ],
}


@dataclass(frozen=True)
class Plan:
    """One kill: of what, in which step, after which part of the time that the step takes; `seed` draws the rest.

    `seconds` is how long the emulator is gone, or the network is bad.
    """

    kind: str
    step: str
    part: float
    seconds: float
    everything: bool
    network: str
    seed: int

    def __str__(self) -> str:
        what = f"{self.kind} ({self.network})" if self.kind == NETWORK else self.kind
        return f"{what} {self.part:.0%} into {self.step}"


def draw(chance: Random, kind: str | None = None) -> Plan:
    """The next kill."""
    kind = kind or chance.choice(KINDS)
    # GitHub cancels no step that always runs.
    weights = {step: weight for step, weight in _STEP_WEIGHTS.items() if (kind, step) != (CANCEL, STOP)}
    (step,) = chance.choices(list(weights), list(weights.values()))
    longest = 8 if kind == NETWORK else 3
    return Plan(
        kind,
        step,
        chance.uniform(0, 0.95),
        chance.uniform(0, longest),
        chance.random() < 0.5,  # noqa: PLR2004
        chance.choice(list(NETWORKS)),
        chance.randrange(1 << 31),
    )


class Killer:
    """Does to a run what is planned; `done` is what it did."""

    def __init__(self, plan: Plan | None, state: Path, typical: dict[str, float]) -> None:
        self._plan = plan
        self._state = state
        self._typical = typical
        self.done: Plan | None = None
        self.slow_to_end: str | None = None

    def __call__(self, running: Running) -> None:
        """Wait beside a step for the plan's moment in it; what a step was too quick for is done in the next."""
        plan = self._plan
        if plan is None or self.done is not None:
            return
        here, wanted = STEPS.index(running.step.name), STEPS.index(plan.step)
        if here < wanted:
            return
        part = plan.part if here == wanted else 0.2
        with suppress(subprocess.TimeoutExpired):
            running.process.wait(part * self._typical[running.step.name])
            return
        if plan.kind == CANCEL and running.step.always:
            return
        acts: dict[str, Callable[[Plan, Running], None]] = {
            RUNNER: self._lose,
            STEP: self._kill_step,
            CANCEL: self._cancel,
            EMULATOR: self._kill_emulator,
            NETWORK: self._break_network,
        }
        acts[plan.kind](plan, running)
        self.done = replace(plan, step=running.step.name, part=part)

    @staticmethod
    def _lose(_: Plan, running: Running) -> None:
        running.conclusion = "lost"
        _kill_group(running)

    @staticmethod
    def _kill_step(_: Plan, running: Running) -> None:
        running.conclusion = "failure"
        _kill_group(running)

    def _cancel(self, _: Plan, running: Running) -> None:
        """Do as GitHub does: the signals go to the step's own process alone, then all that is left is killed."""
        running.conclusion = "cancelled"
        for number, seconds in ((signal.SIGINT, SIGINT_SECONDS), (signal.SIGTERM, SIGTERM_SECONDS)):
            running.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                running.process.wait(seconds)
                return
        _kill_group(running)
        self.slow_to_end = f"{running.step.name} had not ended {SIGINT_SECONDS + SIGTERM_SECONDS:g} s after SIGINT"

    def _kill_emulator(self, plan: Plan, _: Running) -> None:
        moments.kill(self._state, everything=plan.everything)
        time.sleep(plan.seconds)
        lifecycle.up(self._state, TIME_SCALE, executor=VENV)

    def _break_network(self, plan: Plan, _: Running) -> None:
        control = Control(lifecycle.running(self._state))
        faults = NETWORKS[plan.network]
        control.arm([validation.read({"seed": plan.seed, **fault}, name=f"soak-{n}") for n, fault in enumerate(faults)])
        time.sleep(plan.seconds)
        control.clear()


def _kill_group(running: Running) -> None:
    with suppress(ProcessLookupError):
        os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait()
