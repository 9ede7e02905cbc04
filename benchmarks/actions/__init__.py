"""What a step costs that has nothing to do: each action as its composite runs it, setup aside.

The workspace is an emulator's, after one train run. What is measured is the time of the command `mlops` in the
installed environment, from its start to its end, sign-in and all requests included.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from azureml_emulator import lifecycle
from azureml_emulator.settings import VENV, Settings
from soak.actions.workflow import outputs_in

from ..report import BenchmarkError, Row, write
from . import project

_ROUNDS = 10
_STARTS = 5
_WANTED_SECONDS = 2
_BEFORE_THE_JOB_SECONDS = 10
_WARM_UP = 1
_MLOPS = Path(sys.executable).with_name("mlops")


def measure() -> None:
    """Measure everything, and write the report. Raises BenchmarkError if a step fails or has something to do."""
    with tempfile.TemporaryDirectory(prefix="actions-bench-") as name:
        folder = Path(name)
        settings = lifecycle.up(folder / "state", executor=VENV)
        try:
            rows = _rows(folder, settings)
        finally:
            lifecycle.down(folder / "state")
    versions = {name: version(name) for name in ("azure-ai-ml", "azure-identity", "azure-core", "azureml-emulator")}
    write("actions", "What an action costs that has nothing to do", rows, versions=versions)


def _rows(folder: Path, settings: Settings) -> list[Row]:
    steps = _Steps(folder, settings)
    for step in project.STEPS:
        steps.run(step)
    # Side by side and round by round, so that what else the machine does strikes all alike.
    bare = {
        "help": ("`mlops --help`", [str(_MLOPS), "--help"]),
        "sdk": ('`python -c "import azure.ai.ml"`', [sys.executable, "-c", "import azure.ai.ml"]),
    }
    seconds: dict[str, list[float]] = {key: [] for key in (*bare, *project.NO_OPS)}
    for number in range(_WARM_UP + _ROUNDS):
        for key, (_, command) in bare.items():
            _note(seconds[key], _timed(command, steps.environment({})), counts=number >= _WARM_UP)
        for key, step in project.NO_OPS.items():
            took, outputs = steps.run(step)
            if wrong := step.undone(outputs):
                raise BenchmarkError(f"{step.command} was to have nothing to do, but {wrong}")
            _note(seconds[key], took, counts=number >= _WARM_UP)
    rows = []
    for key, taken in seconds.items():
        what = bare[key][0] if key in bare else project.NO_OPS[key].title
        wanted = _WANTED_SECONDS if key in project.NO_OPS and project.NO_OPS[key].is_quick else None
        rows += [
            Row(f"{key}_seconds_median", f"{what} (median)", statistics.median(taken), "s", wanted, "wanted"),
            Row(f"{key}_seconds_p95", f"{what} (95th percentile)", _p95(taken), "s", wanted, "wanted"),
        ]
    rows.append(_before_the_job(steps))
    # All of it is slower on a machine that has more to do than it has cores.
    return [*rows, Row("load_average", "load average of the machine meanwhile", os.getloadavg()[1], "")]


def _before_the_job(steps: _Steps) -> Row:
    """Seconds from a train run's first step to its job, the compute's start included; the repository is unchanged."""
    taken = []
    for _ in range(_STARTS):
        steps.run(project.STOP)
        taken.append(sum(steps.run(step)[0] for step in project.BEFORE_THE_JOB))
    what = "train.yml on an unchanged repository: its steps before the job, with the start of the compute (median)"
    return Row("before_the_job_seconds_median", what, statistics.median(taken), "s", _BEFORE_THE_JOB_SECONDS, "wanted")


def _note(taken: list[float], seconds: float, *, counts: bool) -> None:
    if counts:
        taken.append(seconds)


def _p95(taken: Sequence[float]) -> float:
    """The 95th percentile by nearest rank; of ten values the greatest."""
    return sorted(taken)[math.ceil(0.95 * len(taken)) - 1]


def _timed(command: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None) -> float:
    """Seconds that a command takes. Raises BenchmarkError if it fails."""
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise BenchmarkError(f"{' '.join(map(str, command))} failed: {''.join(last)}")
    return seconds


class _Steps:
    """Runs the commands of steps as a runner does, in one workspace."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._settings = settings
        self._folder = folder
        self._checkout = project.write(folder / "checkout")

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """A runner's variables, with those that lead to the emulator; the secret is an input, as in train.yml."""
        leading = lifecycle.environment(self._settings)
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **{name: value for name, value in leading.items() if not name.startswith("AZURE_")},
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(self._folder / "output"),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SHA": project.SHA,
            "GITHUB_STEP_SUMMARY": str(self._folder / "summary"),
            "RUNNER_TEMP": str(self._folder),
            **more,
        }

    def run(self, step: project.Step) -> tuple[float, dict[str, str]]:
        """Run a step; seconds that it took, and its outputs. Raises BenchmarkError if it fails."""
        output = self._folder / "output"
        output.unlink(missing_ok=True)
        known = self._settings
        inputs = {
            **step.inputs,
            "resource-group": known.resource_group,
            "workspace": known.workspace,
            "azure-credentials": json.dumps(lifecycle.service_principal(known)),
        }
        environment = self.environment({"INPUTS": json.dumps(inputs)})
        seconds = _timed([str(_MLOPS), step.command], environment, self._checkout)
        return seconds, outputs_in(output)
