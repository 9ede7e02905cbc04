"""One emulator that is killed again and again, and what it must know after each time."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from azureml_emulator import lifecycle, processes
from azureml_emulator.computes import quota
from azureml_emulator.lifecycle import EmulatorError
from azureml_emulator.settings import VENV

from . import moments
from .api import Api, Interrupted, WrongAnswer
from .clients import Clients, reason
from .jobs import ENDED, Job
from .ledger import Ledger
from .moments import START, Plan, Watch

_TIME_SCALE = 0.3
_LIMITS = "computes: 10000\ndedicated_cores: 100000\n"
_OLDER = 20
_RUN_SECONDS = 90
_POLL_SECONDS = 0.05


@dataclass
class Outcome:
    """What came of one emulator's kills; `runs` are the jobs that were waited for, one after each start."""

    kills: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    failed_starts: list[str] = field(default_factory=list)
    failed_runs: list[str] = field(default_factory=list)
    runs: int = 0
    ran_twice: int = 0
    broken_stores: list[str] = field(default_factory=list)
    start_seconds: list[float] = field(default_factory=list)

    def mistakes(self) -> list[str]:
        """All that is wrong, a line for each."""
        twice = [f"{self.ran_twice} runs ran more than once"] if self.ran_twice else []
        return [*self.lost, *self.wrong, *self.failed_starts, *self.failed_runs, *self.broken_stores, *twice]


class Lane:
    """One emulator in a folder of its own. Lanes may run side by side."""

    def __init__(self, folder: Path, seed: str, tell: Callable[[str], object]) -> None:
        folder.mkdir(parents=True)
        self._state = folder / "state"
        self._ran = folder / "ran"
        self._ran.touch()
        self._tell = tell
        self._chance = Random(seed)  # noqa: S311 - to do the same again
        self._ledger = Ledger()
        self._clients = Clients(self._ledger, self._ran, seed)
        self.outcome = Outcome(acknowledged=self._ledger.acknowledged, wrong=self._clients.wrong)

    def run(self, kills: int) -> Outcome:
        """Kill it so often, then look at everything once more. Ends early if it does not start any more."""
        outcome = self.outcome
        try:
            self._live(None)
            for number in range(1, kills + 1):
                plan = moments.draw(self._chance)
                if plan.moment == START:
                    self._kill_while_it_starts(plan)
                else:
                    self._live(plan)
                outcome.kills[plan.moment] += 1
                outcome.kills["everything" if plan.everything else "server"] += 1
                self._tell(f"kill {number} of {kills}: {plan.moment}, {len(outcome.mistakes())} mistakes")
            self._live(None)
        except EmulatorError as error:
            outcome.failed_starts.append(str(error))
        finally:
            lifecycle.down(self._state)
        self._inspect()
        return outcome

    def _live(self, plan: Plan | None) -> None:
        """Start it, look what it knows, let a job run, and let the clients work until it is killed (None: it is not).

        The first life of all prepares the workspace; the last looks at all that was ever acknowledged.
        """
        began = time.monotonic()
        known = lifecycle.up(self._state, _TIME_SCALE, executor=VENV)
        self.outcome.start_seconds.append(time.monotonic() - began)
        api = Api(known)
        try:
            if not self._clients.prepared:
                # What a kill interrupts is left there: more computes than a workspace may have.
                (self._state / quota.FILE).write_text(_LIMITS)
                self._clients.prepare(api)
            lost = self._ledger.mistakes(api, self._chance, older=None if plan is None else _OLDER)
            self.outcome.lost.extend(lost)
            probe = self._clients.submit(api)
            watch = Watch()
            working = self._clients.work(api, watch) if plan is not None else None
            self._see_run(api, probe)
            if plan is not None and working is not None:
                if not watch.wait(plan):
                    self.outcome.wrong.append(f"the clients did not come to: {plan.moment}")
                moments.kill(self._state, everything=plan.everything)
                working.join()
        except (Interrupted, WrongAnswer) as error:
            self.outcome.wrong.append(repr(error))
            moments.kill(self._state, everything=True)
        finally:
            api.close()

    def _see_run(self, api: Api, probe: Job) -> None:
        """Wait for the job that was submitted after the restart."""
        deadline = time.monotonic() + _RUN_SECONDS
        while probe.seen not in ENDED and time.monotonic() < deadline:
            probe.seen = api.arm("GET", f"jobs/{probe.name}")["properties"]["status"]
            time.sleep(_POLL_SECONDS)
        self.outcome.runs += 1
        if probe.seen != "Completed":
            why = reason(api, probe) if probe.seen == "Failed" else f"{probe.seen} after {_RUN_SECONDS} s"
            self.outcome.failed_runs.append(f"{probe.name}: {why}")

    def _kill_while_it_starts(self, plan: Plan) -> None:
        """Kill all there is some time after the server has begun; whoever started it may learn that it did not."""

        def start() -> None:
            with suppress(EmulatorError):
                lifecycle.up(self._state, _TIME_SCALE, executor=VENV)

        starting = threading.Thread(target=start)
        starting.start()
        noted = self._state / "pid" / "emulator"
        deadline = time.monotonic() + _RUN_SECONDS
        while starting.is_alive() and processes.running(noted) is None and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS / 10)
        time.sleep(plan.delay)
        moments.kill(self._state, everything=True)
        starting.join()

    def _inspect(self) -> None:
        """Look whether the databases are whole, and whether a run has run more than once."""
        for file in (self._state / "store.sqlite", self._state / "mlflow" / "mlflow.db"):
            with closing(sqlite3.connect(file)) as database:
                found = database.execute("PRAGMA integrity_check").fetchall()
            if found != [("ok",)]:
                self.outcome.broken_stores.append(f"{file.name}: {found}")
        ran = Counter(self._ran.read_text().split())
        self.outcome.ran_twice = sum(1 for times in ran.values() if times > 1)
