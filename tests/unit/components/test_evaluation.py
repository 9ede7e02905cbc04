"""The evaluation of a trained model, with exactly the packages of environment/conda/tensorflow.yaml."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import RunComponent
from .trainings import RUN, draw, logged, tracking

pytestmark = pytest.mark.timeout(900)


def parameter(folder: Path, name: str) -> str:
    return (folder / "mlruns" / "0" / RUN / "params" / name).read_text(encoding="utf-8")


def test_it_measures_what_the_training_measured(
    trained: Path, run_component: RunComponent, python: str, data: dict[str, object], tmp_path: Path
) -> None:
    # A registered model comes with a folder around it.
    shutil.copytree(trained / "model", tmp_path / "given" / "INPUT_model_path")
    ended = run_component(
        "evaluation/evaluation",
        python=python,
        env=tracking(tmp_path),
        model=tmp_path / "given",
        test_data=data["testing_folder"],
    )
    assert ended.returncode == 0, ended.stderr
    assert logged(tmp_path, "accuracy") == logged(trained, "accuracy")
    assert logged(tmp_path, "f1_cats") == logged(trained, "f1_cats")
    fingerprint = parameter(tmp_path, "test_data_sha256")
    assert fingerprint == parameter(trained, "test_data_sha256"), "both say that they tested on the same photos"
    assert len(fingerprint) == 64
    assert f"test accuracy {logged(tmp_path, 'accuracy')[0]:.3f}" in ended.stdout


def test_other_photos_have_another_fingerprint(
    trained: Path, run_component: RunComponent, python: str, tmp_path: Path
) -> None:
    other = draw(tmp_path / "other", 6, seed=9)
    ended = run_component(
        "evaluation/evaluation", python=python, env=tracking(tmp_path), model=trained / "model", test_data=other
    )
    assert ended.returncode == 0, ended.stderr
    assert parameter(tmp_path, "test_data_sha256") != parameter(trained, "test_data_sha256")


def test_what_does_not_fit_ends_with_one_line(
    trained: Path, run_component: RunComponent, python: str, tmp_path: Path
) -> None:
    small = draw(tmp_path / "small", 2, seed=3, size=16)
    ended = run_component(
        "evaluation/evaluation", python=python, env=tracking(tmp_path), model=trained / "model", test_data=small
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1] == (
        "evaluation: the sizes differ: (32, 32) of the model and (16, 16) to test on"
    )
    assert not (tmp_path / "mlruns" / "0" / RUN / "params" / "test_data_sha256").exists()


def test_refuses_what_can_not_be_measured(
    trained: Path, python: str, snapshot: Callable[[str], Path], tmp_path: Path
) -> None:
    program = """
import sys
from pathlib import Path
from dataset import Dataset
from measure import ModelError, check_fits, model_folder
for model in sys.argv[2:]:
    try:
        check_fits(model_folder(Path(model)), Dataset.read(Path(sys.argv[1])))
    except ModelError as error:
        print(error)
    else:
        print("fits")
"""
    (tmp_path / "empty").mkdir()
    bare = shutil.copytree(trained / "model", tmp_path / "bare")
    (bare / "model.json").unlink()
    twice = tmp_path / "twice"
    for number in ("1", "2"):
        shutil.copytree(trained / "model", twice / number)
    fewer = draw(tmp_path / "fewer", 2, seed=3)
    shutil.rmtree(fewer / "dogs")
    command = [python, "-c", program, fewer, tmp_path / "empty", bare, twice, trained / "model"]
    ended = subprocess.run(command, cwd=snapshot("evaluation/evaluation"), capture_output=True, text=True, check=True)
    empty, without, several, labels = ended.stdout.splitlines()
    assert empty.endswith("there are 0 files model.onnx; there has to be one")
    assert "there is no model.json" in without
    assert "there are 2 files model.onnx" in several
    assert labels.startswith("the labels differ: ['cats', 'dogs', 'pandas'] of the model and ['cats', 'pandas']")
