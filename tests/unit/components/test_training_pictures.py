"""What is in the pictures of a training."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from .trainings import RUN

PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
import pictures
from dataset import Dataset
tested = Dataset(["cats", "dogs"], np.zeros((30, 4, 4, 3), np.uint8), np.array([0] * 28 + [1, 1]))
tested.images[28] = 255
# All cats are taken for dogs, each more surely than the one before; one dog of two for a cat, most surely of all.
dog = np.concatenate([np.linspace(0.6, 0.87, 28), [0.1, 0.8]])
probabilities = np.stack([1 - dog, dog], axis=1).astype(np.float32)
sheet = pictures.mistakes(tested, probabilities)
right = pictures.mistakes(tested, np.eye(2, dtype=np.float32)[tested.classes])
matrix = pictures.confusion_matrix(tested.labels, [[0, 28], [1, 1]]).axes[0]
curves = pictures.curves({"loss": [2, 1], "accuracy": [0.5, 0.75], "val_loss": [3, 2], "val_accuracy": [0.25, 0.5]})
print(json.dumps({
    "title": sheet.get_suptitle(),
    "mistakes": [axes.get_title() for axes in sheet.axes],
    "first is white": bool((sheet.axes[0].images[0].get_array() == 255).all()),
    "none": [right.get_suptitle(), len(right.axes)],
    "cells": [text.get_text() for text in matrix.texts],
    "axes": [matrix.get_title(), matrix.get_xlabel(), matrix.get_ylabel()],
    "curves": {axes.get_title(): [(line.get_label(), *map(list, (line.get_xdata(), line.get_ydata())))
                                  for line in axes.lines] for axes in curves.axes},
    "legends": [[text.get_text() for text in axes.get_legend().get_texts()] for axes in curves.axes],
}, default=int))
"""


def test_the_pictures_show_what_was_measured(python: str, snapshot: Callable[[str], Path]) -> None:
    command, code = [python, "-c", PROGRAM], snapshot("training/training")
    ended = subprocess.run(command, cwd=code, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    shown = json.loads(ended.stdout)
    assert shown["title"] == "The worst 24 of 29 mistakes in 30 test photos"
    assert len(shown["mistakes"]) == 24
    assert shown["mistakes"][:2] == ["expected dogs: 10%\nanswered cats: 90%", "expected cats: 13%\nanswered dogs: 87%"]
    assert shown["first is white"]
    assert shown["none"] == ["No mistake in 30 test photos", 0]
    assert shown["cells"] == ["0\n0%", "28\n100%", "1\n50%", "1\n50%"]
    assert shown["axes"] == ["1 of 30 test photos right", "answered", "expected"]
    assert shown["curves"] == {
        "Loss": [["training", [1, 2], [2, 1]], ["validation", [1, 2], [3, 2]]],
        "Accuracy": [["training", [1, 2], [0.5, 0.75]], ["validation", [1, 2], [0.25, 0.5]]],
    }
    assert shown["legends"] == [["training", "validation"]] * 2


def test_the_pictures_are_in_the_model_folder_and_in_the_run(trained: Path) -> None:
    artifacts = trained / "mlruns" / "0" / RUN / "artifacts" / "pictures"
    for name in ("confusion_matrix.png", "curves.png", "worst_mistakes.png"):
        with Image.open(trained / "model" / "pictures" / name) as picture:
            assert picture.format == "PNG"
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 1
        assert (artifacts / name).read_bytes() == (trained / "model" / "pictures" / name).read_bytes()
