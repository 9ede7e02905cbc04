"""When the emulator is killed, and what of it: drawn beforehand, so that a seed gives the same plan again."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from azureml_emulator import processes

START, UPLOAD, SUBMIT, RUN = "start", "upload", "submit", "run"
MOMENTS = (START, UPLOAD, SUBMIT, RUN)
"""While it starts, once a client begins to upload, once one submits a job, while a job runs."""

_WEIGHTS = (1, 3, 3, 3)
_LATEST = {START: 1.5, UPLOAD: 0.08, SUBMIT: 0.08, RUN: 0.8}
"""Seconds after the moment's beginning within which the kill comes."""

_WAIT_SECONDS = 30
_GONE_SECONDS = 20


@dataclass(frozen=True)
class Plan:
    """One kill: when, how many seconds after that, and whether Azurite, MLflow and the jobs are killed as well."""

    moment: str
    delay: float
    everything: bool


def draw(chance: Random) -> Plan:
    """The next kill."""
    (moment,) = chance.choices(MOMENTS, _WEIGHTS)
    delay, heads = chance.uniform(0, _LATEST[moment]), chance.random() < 0.5  # noqa: PLR2004
    return Plan(moment, delay, heads or moment == START)


class Watch:
    """Tells the killer what the clients do."""

    def __init__(self) -> None:
        self._events = {moment: threading.Event() for moment in MOMENTS}

    def begins(self, moment: str) -> None:
        """Say that a client does this now."""
        self._events[moment].set()

    def wait(self, plan: Plan) -> bool:
        """Wait for the plan's moment to come once more, and its delay; False if it does not come."""
        event = self._events[plan.moment]
        event.clear()
        came = event.wait(_WAIT_SECONDS)
        time.sleep(plan.delay)
        return came


def kill(state: Path, *, everything: bool) -> None:
    """Kill the server with SIGKILL, or all processes of the emulator one after the other, and wait for the end."""
    mark = f"{processes.OWNER}={processes.owner(state)}".encode()
    server = processes.running(state / "pid" / "emulator")
    victims = processes.carriers(mark) if everything else [server] if server else []
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _GONE_SECONDS
    while any(processes.began_at(pid) is not None for pid in victims) and time.monotonic() < deadline:
        time.sleep(0.01)
