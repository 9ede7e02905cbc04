"""The training, really run, in an environment with exactly the packages of environment/conda/tensorflow.yaml."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from mlops_actions.summaries.confusion import ConfusionMatrix, parse

from .conftest import ROOT, RunComponent
from .trainings import COLOURS, RUN, draw, logged, outputs, tracking

pytestmark = pytest.mark.timeout(900)


def metrics(folder: Path) -> dict[str, object]:
    return json.loads((folder / "model" / "metrics.json").read_text(encoding="utf-8"))


def test_the_model_folder_is_complete(trained: Path) -> None:
    names = {path.name for path in (trained / "model").iterdir()}
    assert names == {"model.keras", "model.onnx", "model.json", "metrics.json", "pictures"}
    description = json.loads((trained / "model" / "model.json").read_text(encoding="utf-8"))
    assert description["labels"] == ["cats", "dogs", "pandas"]
    assert description["input"] == {"width": 32, "height": 32}
    assert description["seed"] == 42
    assert description["images"] == {"training": 66, "validation": 6, "testing": 18}


def test_the_metrics_are_of_the_testing_images(trained: Path) -> None:
    found = metrics(trained)
    matrix = found["confusion_matrix"]
    assert [sum(row) for row in matrix] == [6, 6, 6]
    assert found["accuracy"] == sum(matrix[number][number] for number in range(3)) / 18
    for number, label in enumerate(COLOURS):
        figures = found["per_class"][label]
        answered = sum(row[number] for row in matrix)
        assert figures["support"] == 6
        assert figures["recall"] == matrix[number][number] / 6
        assert figures["precision"] == (matrix[number][number] / answered if answered else 0)
    measured = ("accuracy", "loss", "val_accuracy", "val_loss")
    assert {name: len(values) for name, values in found["history"].items()} == dict.fromkeys(measured, 4)


def test_the_export_answers_as_the_model_does_on_all_images(trained: Path) -> None:
    found = metrics(trained)
    assert (found["onnx_images"], found["onnx_other_labels"]) == (66 + 18, 0)
    assert 0 < found["onnx_max_difference"] <= 1e-4
    assert logged(trained, "onnx_max_difference") == [found["onnx_max_difference"]]


def test_the_metrics_go_to_the_run_of_the_job(trained: Path) -> None:
    found = metrics(trained)
    assert logged(trained, "accuracy") == [found["accuracy"]]
    assert logged(trained, "recall_dogs") == [found["per_class"]["dogs"]["recall"]]
    assert logged(trained, "training_accuracy") == pytest.approx(found["history"]["accuracy"])
    assert logged(trained, "val_loss") == pytest.approx(found["history"]["val_loss"])
    assert len(list((trained / "mlruns" / "0").iterdir())) == 2  # this run and meta.yaml: no other run was begun


def test_the_confusion_matrix_is_an_artifact_of_the_run(trained: Path) -> None:
    artifact = trained / "mlruns" / "0" / RUN / "artifacts" / "confusion_matrix.json"
    document = json.loads(artifact.read_text(encoding="utf-8"))
    assert parse(document) == ConfusionMatrix(
        tuple(COLOURS), tuple(tuple(map(float, row)) for row in metrics(trained)["confusion_matrix"])
    )


def test_the_service_answers_as_the_model_was_tested(trained: Path, python: str, data: dict[str, object]) -> None:
    """Over all testing images, the service's own code gets the accuracy that the training reports."""
    program = """
import json, sys
from pathlib import Path
from animal_classifier.model import Classifier
from animal_classifier.preprocessing import prepare
classifier = Classifier(Path(sys.argv[1]))
answers = []
for path in sorted(Path(sys.argv[2]).glob("*/*.png")):
    with path.open("rb") as file:
        image = prepare(file, width=classifier.width, height=classifier.height)
    answers.append(classifier.predict(image).label == path.parent.name)
print(json.dumps(answers))
"""
    command = [python, "-c", program, trained / "model", data["testing_folder"]]
    answers = json.loads(subprocess.run(command, cwd=ROOT / "inference", capture_output=True, check=True).stdout)
    assert len(answers) == 18
    assert sum(answers) / 18 == metrics(trained)["accuracy"]


def test_an_export_that_answers_otherwise_is_an_error(
    trained: Path, python: str, snapshot: Callable[[str], Path]
) -> None:
    program = """
import sys
from pathlib import Path
import numpy as np
import onnx_export
images = np.zeros((70, 32, 32, 3), dtype=np.uint8)
for expected in (np.eye(3, dtype=np.float32)[np.arange(70) % 3], np.full((70, 3), np.nan, np.float32)):
    try:
        onnx_export.check(Path(sys.argv[1]), images, expected)
    except onnx_export.ExportError as error:
        print(error)
"""
    command = [python, "-c", program, trained / "model" / "model.onnx"]
    ended = subprocess.run(command, cwd=snapshot("training/training"), capture_output=True, text=True, check=True)
    lines = ended.stdout.splitlines()
    assert len(lines) == 2
    assert re.match(r"model.onnx: it gives 4[67] of 70 images another label, .* differ by up to [01]\.?\d* ", lines[0])
    assert "differ by up to nan from those of the Keras model; no other label and at most 0.0001" in lines[1]


def test_metrics_that_can_not_be_logged_are_an_error(
    run_component: RunComponent, python: str, data: dict[str, object], tmp_path: Path
) -> None:
    nobody = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_RUN_ID": RUN}
    ended = run_component("training/training", python=python, env=os.environ | nobody, **data, **outputs(tmp_path))
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith(
        "training: MLflow at http://127.0.0.1:9 does not take the metrics: "
    )


def test_images_without_a_class_end_the_training_with_one_line(
    run_component: RunComponent, python: str, data: dict[str, object], tmp_path: Path
) -> None:
    missing = draw(tmp_path / "missing", 2, seed=3)
    shutil.rmtree(missing / "dogs")
    (missing / "dogs").mkdir()
    asked = data | outputs(tmp_path) | {"training_folder": missing}
    ended = run_component("training/training", python=python, env=tracking(tmp_path), **asked)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"training: {missing / 'dogs'}: there is no image of 'dogs'"
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "model").exists()


def test_refuses_what_can_not_be_trained_on(python: str, snapshot: Callable[[str], Path], tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from dataset import Dataset, DatasetError, check_alike
try:
    check_alike(Dataset.read(Path(sys.argv[1])), Dataset.read(Path(sys.argv[2])))
except DatasetError as error:
    print(error)
"""

    def message(training: Path, testing: Path) -> str:
        command = [python, "-c", program, training, testing]
        return subprocess.run(
            command, cwd=snapshot("training/training"), capture_output=True, text=True, check=True
        ).stdout

    good = draw(tmp_path / "good", 2, seed=3)
    assert not message(good, good)
    fewer = draw(tmp_path / "fewer", 2, seed=3)
    shutil.rmtree(fewer / "dogs")
    assert "the labels differ" in message(good, fewer)
    shutil.rmtree(fewer / "cats")
    assert "1 folders of images; at least 2 are needed" in message(fewer, good)
    assert "the sizes differ" in message(good, draw(tmp_path / "other size", 2, seed=3, size=16))
    Image.new("RGB", (8, 8)).save(good / "pandas" / "x.png")
    assert "of another size than the images before it" in message(good, good)
    Image.new("L", (32, 32)).save(good / "pandas" / "x.png")
    assert "not an RGB image" in message(good, good)
