"""A training, really run once for all tests that need a model, in an environment with exactly the job's packages."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from PIL import Image

from sandbox.paths import ROOT, cache

COLOURS = {"cats": (200, 60, 60), "dogs": (60, 200, 60), "pandas": (60, 60, 200)}
RUN = "0123456789abcdef0123456789abcdef"
ENVIRONMENTS = ROOT / "environment"

RunComponent = Callable[..., subprocess.CompletedProcess[str]]


def pins(name: str) -> dict[str, str]:
    """The packages of an environment, each with its version."""
    conda = yaml.safe_load((ENVIRONMENTS / "conda" / f"{name}.yaml").read_text(encoding="utf-8"))
    [pip] = [entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict)]
    assert "python=3.11" in conda["dependencies"]
    return dict(line.split("==") for line in pip)


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter of the environment, which is built once for a list of packages."""
    requirements = "".join(f"{name}=={version}\n" for name, version in pins("tensorflow").items())
    target = cache() / "environments" / f"tensorflow-{hashlib.sha256(requirements.encode()).hexdigest()[:16]}"
    if not target.exists():
        uv = os.environ.get("UV", "uv")
        # A venv's scripts carry its path, its interpreter does not: it may be made elsewhere and moved when it is done.
        half_done = target.with_name(f"{target.name}.{os.getpid()}")
        subprocess.run([uv, "venv", "--quiet", "--python", "3.11", half_done], check=True)
        command = [uv, "pip", "install", "--quiet", "--python", half_done / "bin" / "python", "--requirement", "-"]
        subprocess.run(command, input=requirements, text=True, check=True)
        half_done.rename(target)
    return str(target / "bin" / "python")


def draw(folder: Path, count: int, *, seed: int, size: int = 32) -> Path:
    """Noise, tinted by label: easy to tell apart, and different from image to image."""
    draws = random.Random(seed)  # noqa: S311 - not a secret
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            noise = Image.frombytes("RGB", (size, size), draws.randbytes(3 * size * size))
            Image.blend(noise, Image.new("RGB", (size, size), colour), 0.5).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("data")
    return {
        "training_folder": draw(folder / "training", 24, seed=1),
        "testing_folder": draw(folder / "testing", 6, seed=2),
    }


def tracking(folder: Path) -> dict[str, str]:
    """An environment as a job has it: the tracking store, and the run that the job is."""
    run = folder / "mlruns" / "0" / RUN
    for name in ("metrics", "params", "tags", "artifacts"):
        (run / name).mkdir(parents=True)
    common = f"artifact_uri: {run}/artifacts\nlifecycle_stage: active\n"
    (run.parent / "meta.yaml").write_text(f"{common}experiment_id: '0'\nname: Default\n", encoding="utf-8")
    (run / "meta.yaml").write_text(
        f"{common}experiment_id: '0'\nrun_id: {RUN}\nrun_uuid: {RUN}\nrun_name: training\nstatus: 1\nuser_id: ''\n"
        "source_name: ''\nsource_type: 4\nsource_version: ''\nentry_point_name: ''\n"
        "start_time: 1\nend_time: null\ntags: []\n",
        encoding="utf-8",
    )
    return same_run(folder)


def same_run(folder: Path) -> dict[str, str]:
    """The environment that `tracking` gave, once more."""
    return os.environ | {
        "MLFLOW_TRACKING_URI": (folder / "mlruns").as_uri(),
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_RUN_ID": RUN,
    }


def logged(folder: Path, name: str) -> list[float]:
    lines = (folder / "mlruns" / "0" / RUN / "metrics" / name).read_text(encoding="utf-8").splitlines()
    return [float(line.split()[1]) for line in lines]


def outputs(folder: Path) -> dict[str, Path]:
    """What the training writes."""
    return {"output_folder": folder / "model", "checkpoint_folder": folder / "checkpoints"}


@pytest.fixture(scope="session")
def trained(
    run_component: RunComponent, python: str, data: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a training of four epochs: model/, checkpoints/ and mlruns/."""
    folder = tmp_path_factory.mktemp("trained")
    ended = run_component("training/training", python=python, env=tracking(folder), **data, **outputs(folder), epochs=4)
    assert ended.returncode == 0, ended.stderr
    assert "epoch 4 of 4" in ended.stdout
    assert "test accuracy" in ended.stdout
    return folder
