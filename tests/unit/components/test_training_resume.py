"""A training that is killed and started again."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import Arguments, RunComponent
from .trainings import logged, outputs, same_run, tracking

pytestmark = pytest.mark.timeout(900)


def weights(folder: Path) -> str:
    return json.loads((folder / "model" / "model.json").read_text(encoding="utf-8"))["weights_sha256"]


@pytest.fixture
def killed(arguments: Arguments, python: str, data: dict[str, object], tmp_path: Path) -> dict[str, object]:
    """What a training was asked for that was killed after its first checkpoint and before its last."""
    asked = data | outputs(tmp_path) | {"epochs": 4}
    words, code = arguments("training/training", **asked)
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([python, *words], cwd=code, env=tracking(tmp_path), **silent) as process:
        deadline = time.monotonic() + 300
        while not list(tmp_path.glob("checkpoints/checkpoint-*.npz")):
            assert process.poll() is None, "the training ended before it had a checkpoint"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "checkpoints" / "checkpoint-000004.npz").exists()
    assert not (tmp_path / "model").exists()
    return asked


def test_a_killed_training_ends_with_the_weights_of_one_never_killed(
    trained: Path, killed: dict[str, object], run_component: RunComponent, python: str, tmp_path: Path
) -> None:
    """Both have the like seed, so it also shows that such a training gives the very same weights."""
    ended = run_component("training/training", python=python, env=same_run(tmp_path), **killed)
    assert ended.returncode == 0, ended.stderr
    assert "going on after epoch" in ended.stdout
    assert weights(tmp_path) == weights(trained)
    for name in ("training_loss", "val_accuracy", "accuracy"):
        assert logged(tmp_path, name) == logged(trained, name), "each epoch is told once"
