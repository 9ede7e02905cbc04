"""One emulator and the team that trains on it: runs that are killed, re-run and looked at."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from azureml_emulator import lifecycle
from azureml_emulator.faults import validation
from azureml_emulator.faults.client import Control
from azureml_emulator.lifecycle import EmulatorError
from azureml_emulator.settings import VENV, Settings
from soak.emulator.api import Interrupted, WrongAnswer

from . import kills, workflow
from .checks import Workspace
from .kills import KINDS, TIME_SCALE, Killer, Plan
from .outcome import Outcome
from .project import SHA, Project
from .workflow import ASSETS, PIPELINE, START, STEPS, STOP, Attempt, Runner, Step

_MOST_ATTEMPTS = 6
_GUESSED_SECONDS = {ASSETS: 4.0, START: 4.0, PIPELINE: 8.0, STOP: 3.0}
_REMEMBERED = 7


class Lane:
    """One emulator and one team in a folder of their own. Lanes may run side by side."""

    def __init__(self, folder: Path, seed: str, tell: Callable[[str], object]) -> None:
        folder.mkdir(parents=True)
        self._state = folder / "state"
        self._folder = folder
        self._tell = tell
        self._chance = Random(seed)  # noqa: S311 - to do the same again
        self._project = Project(folder / "project", self._chance)
        self._typical: dict[str, list[float]] = {step: [seconds] for step, seconds in _GUESSED_SECONDS.items()}
        self._kinds: list[str] = []
        self._wanted = 0
        self._faults: Mapping[str, Mapping[str, Any]] = {}
        self.outcome = Outcome()

    def run(self, wanted: int) -> Outcome:
        """Kill so often. Ends early if the emulator does not start any more."""
        self._wanted = wanted

        def kill(known: Settings) -> None:
            self._settle(known, None, "first")
            while sum(self.outcome.kills.values()) < wanted:
                self._settle(known, self._plan(), f"{self.outcome.runs:04d}")
                done = sum(self.outcome.kills.values())
                self._tell(f"kill {done} of {wanted}: {len(self.outcome.mistakes())} mistakes")

        return self._with_an_emulator(kill)

    def endure(self, runs: int, faults: Mapping[str, Mapping[str, Any]]) -> Outcome:
        """Run so often while the faults are armed; killed is nothing."""
        self._faults = faults

        def run(known: Settings) -> None:
            for number in range(1, runs + 1):
                self._settle(known, None, f"{number:04d}")
                self._tell(f"run {number} of {runs}: {self.outcome.completed_at_once} completed at once")

        return self._with_an_emulator(run)

    def _with_an_emulator(self, work: Callable[[Settings], None]) -> Outcome:
        try:
            known = lifecycle.up(self._state, TIME_SCALE, executor=VENV)
            work(known)
            with closing(Workspace(known, self.outcome.found)) as workspace:
                workspace.check_assets()
        except (EmulatorError, Interrupted, WrongAnswer, OSError) as error:
            self.outcome.broken.append(f"run {self.outcome.runs}: {error!r}")
        finally:
            lifecycle.down(self._state)
        return self.outcome

    def _plan(self) -> Plan:
        """The next kill: of every kind once, in any order, before any comes again."""
        if not self._kinds:
            self._kinds = list(KINDS)
            self._chance.shuffle(self._kinds)
        return kills.draw(self._chance, self._kinds.pop())

    def _settle(self, known: Settings, plan: Plan | None, name: str) -> None:
        """A run, its re-runs until it is green, and all that must be so after it."""
        outcome = self.outcome
        run_id = f"{name}{self._chance.randrange(1 << 31):010d}"
        if self._chance.random() < 0.6:  # noqa: PLR2004
            self._project.change()
        self._prepare(known)
        outcome.runs += 1
        disturbed = ""
        for number in range(1, _MOST_ATTEMPTS + 1):
            attempt, killer = self._attempt(known, run_id, number, plan)
            if killer.done is not None:
                outcome.kills[killer.done.kind] += 1
                outcome.steps[killer.done.step] += 1
                disturbed = killer.done.kind
                # Now and then the re-run is not left in peace, either.
                more = self._chance.random() < 0.25 and sum(outcome.kills.values()) < self._wanted  # noqa: PLR2004
                plan = self._plan() if more else None
                self._tell(f"run {run_id}: {killer.done}: {attempt.conclusions}")
            if killer.slow_to_end:
                outcome.slow_to_end.append(f"run {run_id}: {killer.slow_to_end}")
            self._check(known, attempt)
            if attempt.green:
                outcome.completed += 1
                outcome.completed_at_once += number == 1
                outcome.run_seconds.append(sum(attempt.seconds.values()))
                outcome.attempts_after.get(disturbed, []).append(number)
                self._note_seconds(attempt, disturbed=bool(disturbed))
                return
            if killer.done is None:
                self._tell(f"run {run_id}, attempt {number}, undisturbed: {attempt.conclusions}\n{attempt.said}")
        outcome.never_completed.append(f"run {run_id} has not completed in {_MOST_ATTEMPTS} attempts: {attempt.said}")

    def _attempt(self, known: Settings, run_id: str, number: int, plan: Plan | None) -> tuple[Attempt, Killer]:
        attempt = Attempt(run_id, number)
        typical = {step: statistics.median(seconds[-_REMEMBERED:]) for step, seconds in self._typical.items()}
        killer = Killer(plan, self._state, typical)
        runner = Runner(self._folder / "runner", self._project.folder, variables(known))
        with self._network(known, run_id):
            runner.run(attempt, steps(known, self._project, run_id), killer)
        self.outcome.attempts += 1
        return attempt, killer

    @contextmanager
    def _network(self, known: Settings, run_id: str) -> Iterator[None]:
        """Let the faults strike during the block, if there are any, and count how often they do."""
        if not self._faults:
            yield
            return
        control = Control(known)
        seeded = {name: {"seed": int(run_id), **fault} for name, fault in self._faults.items()}
        control.arm([validation.read(fault, name=name.replace(" ", "-")) for name, fault in seeded.items()])
        try:
            yield
        finally:
            for rule in control.listed():
                self.outcome.struck[rule["name"]] += rule["hits"]
                self.outcome.asked[rule["name"]] += rule["seen"]
            control.clear()

    def _prepare(self, known: Settings) -> None:
        if self._chance.random() < 0.25:  # noqa: PLR2004
            with closing(Workspace(known, self.outcome.found)) as workspace:
                workspace.delete_compute()

    def _check(self, known: Settings, attempt: Attempt) -> None:
        with closing(Workspace(known, self.outcome.found)) as workspace:
            if attempt.cleaned_up:
                workspace.check_clean(attempt)
            workspace.check_assets()
            if attempt.green:
                workspace.check_completed(attempt, self._project.generation)
                workspace.check_jobs(attempt.run_id)

    def _note_seconds(self, attempt: Attempt, *, disturbed: bool) -> None:
        if not disturbed:
            self.outcome.undisturbed_seconds.append(sum(attempt.seconds.values()))
        if not disturbed or attempt.number > 1:
            for step in STEPS:
                if step in attempt.seconds:
                    self._typical[step].append(attempt.seconds[step])


def steps(known: Settings, project: Project, run_id: str) -> list[Step]:
    """The steps of a run of train.yml for the project, in the workspace of that emulator."""
    where = {"resource-group": known.resource_group, "workspace": known.workspace}
    return workflow.steps(
        project.inputs(run_id) | where, {"AZURE_CREDENTIALS": json.dumps(lifecycle.service_principal(known))}
    )


def variables(known: Settings) -> dict[str, str]:
    """What leads the steps to the emulator; how to sign in to it is the workflow's to say."""
    leading = lifecycle.environment(known)
    return {name: value for name, value in leading.items() if not name.startswith("AZURE_")} | {"GITHUB_SHA": SHA}
