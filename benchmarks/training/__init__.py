"""What the training gives for its time, against a plain CNN that is trained as tutorials do it; see `measure`.

Each training is a process of its own with all cores, one after the other. A seed decides the split into 80 percent to
train on and 20 percent to test on, and the training. How many passes over the photos ours makes in the time that it is
granted follows from the time of a pass, measured beforehand; what it answers on the test part decides nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ..report import ROOT, BenchmarkError, write
from ..serving import environments
from .figures import SHARES, Round, Trial, rows

PHOTOS = ROOT.parent / "shared" / "animals"
SEEDS = (1, 2, 3)
PACKAGES = ("tensorflow", "keras", "numpy", "tf2onnx", "onnxruntime", "pillow")

_HERE = Path(__file__).parent
_CODE = (_HERE, ROOT / "components" / "training" / "code", ROOT / "inference" / "animal_classifier")
_FEW, _MANY = 2, 14
"""Passes of the two trainings from whose times the time of a pass follows, and what comes on top once."""
_MARGIN = 0.97
"""Share of the granted time that is planned with: no two runs take the same time."""


def measure() -> None:
    """Measure everything, and write the report; nothing to do where there are no photos.

    Raises BenchmarkError if a training fails, or ours does not come to the baseline's accuracy at all.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if not PHOTOS.is_dir():
        console.print(f"training: skipped, as there are no photos in {PHOTOS}: a folder a label")
        return
    environment = environments.training()
    with tempfile.TemporaryDirectory(prefix="training-bench-") as folder:
        bench = _Bench(environment, Path(folder) / "photos.npz", console)
        bench.run("prepare_photos.py", str(PHOTOS), str(bench.photos))
        pace = bench.pace()
        rounds = [bench.round(seed, pace) for seed in SEEDS]
    versions = {name: environments.version(environment, name) for name in PACKAGES}
    write("training", "The training, for its time", rows(rounds, bench.export), versions=versions)


@dataclass(frozen=True)
class _Pace:
    """How long ours takes."""

    once: float
    """Seconds before the first step: the network is built and its graph traced."""
    one_pass: float
    """Seconds a pass over the photos."""

    def passes(self, seconds: float) -> int:
        """Whole passes that end in so many seconds; one at least."""
        return max(1, int((seconds * _MARGIN - self.once) / self.one_pass))


class _Bench:
    """Runs the trials, each in a process of its own."""

    def __init__(self, environment: Path, photos: Path, console: Console) -> None:
        self._python = environments.python_of(environment)
        self._console = console
        self.photos = photos
        self.export: dict[str, float] = {}
        """How like the last long training's ONNX export answers."""

    def pace(self) -> _Pace:
        """Measure how long ours takes."""
        self._trial(SEEDS[0], _FEW)  # The files of the environment are read.
        few, many = self._trial(SEEDS[0], _FEW), self._trial(SEEDS[0], _MANY)
        one_pass = (many.seconds - few.seconds) / (_MANY - _FEW)
        pace = _Pace(few.seconds - _FEW * one_pass, one_pass)
        self._console.print(f"ours takes {pace.once:.1f} s once and {pace.one_pass:.2f} s a pass over the photos")
        return pace

    def round(self, seed: int, pace: _Pace) -> Round:
        """All trainings of one seed."""
        baseline = self._trial(seed, None)
        self._tell(seed, "baseline", baseline)
        ours = {}
        for share, granted in SHARES.items():
            passes = pace.passes(granted * baseline.seconds)
            ours[share] = self._trial(seed, passes, export=granted == max(SHARES.values()))
            self._tell(seed, f"ours, {granted:g} of its time", ours[share])
        return Round(seed, baseline, ours)

    def run(self, script: str, *arguments: str) -> str:
        """What a script prints. Raises BenchmarkError if it fails."""
        surroundings = {"PYTHONPATH": os.pathsep.join(map(str, _CODE)), "TF_CPP_MIN_LOG_LEVEL": "2"}
        command = [str(self._python), str(_HERE / script), *arguments]
        done = subprocess.run(command, env={**os.environ, **surroundings}, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise BenchmarkError(f"{script} {' '.join(arguments)} failed: {''.join(last)}")
        return done.stdout

    def _trial(self, seed: int, passes: int | None, *, export: bool = False) -> Trial:
        arguments = [str(self.photos), "--seed", str(seed)]
        arguments += [] if passes is None else ["--passes", str(passes)]
        arguments += ["--export"] if export else []
        found: dict[str, Any] = json.loads(self.run("trial.py", *arguments).splitlines()[-1])
        if export:
            self.export = {key: value for key, value in found.items() if key.startswith("onnx_")}
        return Trial(found["seconds"], found["accuracy"], found["tested"], found["parameters"], passes or 0)

    def _tell(self, seed: int, what: str, trial: Trial) -> None:
        self._console.print(f"seed {seed}: {what}: {trial.accuracy:.3f} after {trial.seconds:.1f} s")
