"""One attempt of a run of train.yml: its very steps, each as the command of its action, as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

_ROOT = Path(__file__).parents[2]
_WORKFLOW = _ROOT / ".github" / "workflows" / "train.yml"
_ACTION = "./.mlops-actions/actions/"
_LONGEST_SECONDS = 420
_LAST_LINES = 15

Conclusion = Literal["success", "failure", "cancelled", "skipped", "lost"]
"""A step's conclusion as GitHub has it; `lost`: its runner is gone, so that nobody knows."""

ASSETS, START, PIPELINE, STOP = "assets", "start", "pipeline", "stop"
STEPS = (ASSETS, START, PIPELINE, STOP)


@dataclass(frozen=True)
class Step:
    """A step of train.yml: the command of its action, its inputs, and whether it runs whatever happened."""

    name: str
    command: str
    inputs: dict[str, str]
    always: bool


@dataclass
class Running:
    """A step that runs; whoever ends it says how it is to be told."""

    step: Step
    process: subprocess.Popen[bytes]
    conclusion: Conclusion | None = None

    def ended(self) -> bool:
        """Whether its process is gone."""
        return self.process.poll() is not None


@dataclass
class Attempt:
    """An attempt of a run: what each of its steps came to, and the outputs of that which ran the pipeline."""

    run_id: str
    number: int
    conclusions: dict[str, Conclusion] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    said: str = ""

    @property
    def green(self) -> bool:
        """Whether all of it went well."""
        return all(self.conclusions.get(name) == "success" for name in STEPS)

    @property
    def cleaned_up(self) -> bool:
        """Whether the compute was seen to."""
        return self.conclusions.get(STOP) == "success"


def steps(given: Mapping[str, str], secrets: Mapping[str, str]) -> list[Step]:
    """The steps of train.yml that are actions of ours, with a caller's inputs put in."""
    workflow = yaml.safe_load(_WORKFLOW.read_text(encoding="utf-8"))
    defaults = {
        name: _text(entry.get("default", "")) for name, entry in workflow[True]["workflow_call"]["inputs"].items()
    }
    values = {
        **{f"inputs.{name}": value for name, value in {**defaults, **given}.items()},
        **{f"secrets.{name}": value for name, value in secrets.items()},
    }
    found = []
    for step in workflow["jobs"]["train"]["steps"]:
        uses = str(step.get("uses", ""))
        if uses.startswith(_ACTION):
            command = uses.removeprefix(_ACTION)
            inputs = {name: _put_in(_text(text), values) for name, text in step["with"].items()}
            found.append((command, inputs, str(step.get("if", "")).startswith("always()")))
    return [Step(name, *parts) for name, parts in zip(STEPS, found, strict=True)]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _put_in(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ ([a-zA-Z_.-]+) \}\}", lambda found: values[found[1]], text)


class Runner:
    """A runner: a folder for what its steps write, and the variables that they are given."""

    def __init__(self, folder: Path, checkout: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._checkout = checkout
        self._variables = variables
        self.log = folder.with_suffix(".log")

    def run(self, attempt: Attempt, planned: list[Step], beside: Callable[[Running], None]) -> None:
        """Run the steps of an attempt; `beside` is called with each once it has begun, and may end it.

        As on GitHub's runners: after a step that did not succeed only those run that always do, and nothing does once
        the runner is lost.
        """
        shutil.rmtree(self._folder, ignore_errors=True)  # a machine of its own for each attempt
        (self._folder / "temp").mkdir(parents=True)
        for step in planned:
            if self._is_skipped(step, attempt):
                attempt.conclusions[step.name] = "skipped"
                continue
            began = time.monotonic()
            conclusion = self._step(step, attempt, beside)
            attempt.conclusions[step.name] = conclusion
            attempt.seconds[step.name] = time.monotonic() - began
            if conclusion == "lost":
                return

    @staticmethod
    def _is_skipped(step: Step, attempt: Attempt) -> bool:
        if step.always:  # The rest of its condition: that there is something to stop.
            return attempt.conclusions.get(START) == "skipped" and attempt.number == 1
        return any(conclusion != "success" for conclusion in attempt.conclusions.values())

    def _step(self, step: Step, attempt: Attempt, beside: Callable[[Running], None]) -> Conclusion:
        output = self._folder / f"{step.name}.output"
        with self.log.open("ab") as log:
            log.write(f"--- run {attempt.run_id}, attempt {attempt.number}: {step.name}\n".encode())
            log.flush()
            begins = log.tell()
            process = subprocess.Popen(
                [Path(sys.executable).with_name("mlops"), step.command],
                cwd=self._checkout,
                env=self._environment(step, attempt, output),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            running = Running(step, process)
            try:
                beside(running)
                status = process.wait(_LONGEST_SECONDS)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            log.write(f"--- {step.name}: status {status}, {running.conclusion or 'not touched'}\n".encode())
        if status != 0:
            attempt.said = _last_lines(self.log, begins)
        if step.name == PIPELINE:
            attempt.outputs = outputs_in(output)
        return running.conclusion or ("success" if status == 0 else "failure")

    def _environment(self, step: Step, attempt: Attempt, output: Path) -> dict[str, str]:
        own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **own,
            **self._variables,
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "somebody",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REPOSITORY": "team/words",
            "GITHUB_RUN_ATTEMPT": str(attempt.number),
            "GITHUB_RUN_ID": attempt.run_id,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_STEP_SUMMARY": str(self._folder / f"{step.name}.md"),
            "RUNNER_TEMP": str(self._folder / "temp"),
            "INPUTS": json.dumps(step.inputs),
        }


def _last_lines(log: Path, begins: int) -> str:
    with log.open("rb") as file:
        file.seek(begins)
        return "\n".join(file.read().decode(errors="replace").splitlines()[-_LAST_LINES:])


def outputs_in(file: Path) -> dict[str, str]:
    """What a runner reads in $GITHUB_OUTPUT."""
    found, lines = dict[str, Any](), iter(file.read_text().splitlines() if file.exists() else [])
    for line in lines:
        name, _, delimiter = line.partition("<<")
        found[name] = "\n".join(iter(lambda: next(lines), delimiter))
    return found
