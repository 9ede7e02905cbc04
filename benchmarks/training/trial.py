"""One training in a process of its own; prints its figures as a line of JSON. `python trial.py --help`.

Run by the training's environment, with the training's code on its path. The stopwatch runs from before the network is
built until it is trained, so that it includes whatever is traced or compiled; imports and photos are there before.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import baseline
import keras
import numpy as np
import onnx_export
import recipe
from dataset import Dataset
from fitting import fit
from validation import split

TEST_PERCENTAGE = 20
EXPORTED_PHOTOS = 1000
"""Photos that an export is compared with its Keras model on."""


def train_baseline(training: Dataset, seed: int) -> tuple[keras.Model, float]:
    """The baseline as tutorials train it, and the seconds that it took."""
    images = training.images.astype(np.float32)
    keras.utils.set_random_seed(seed)
    began = time.perf_counter()
    model = baseline.build(classes=len(training.labels))
    model.fit(images, training.classes, batch_size=baseline.BATCH, epochs=baseline.EPOCHS, verbose=0)
    return model, time.perf_counter() - began


def train_ours(training: Dataset, seed: int, passes: int) -> tuple[keras.Model, float]:
    """The training component's own training, and the seconds that it took.

    It has no validation part: its schedule is as long as it is told, and nothing is chosen between. An epoch is one
    pass over the photos here, so that what time is granted can be used up.
    """
    recipe.VIEWS = 1
    began = time.perf_counter()
    model, _ = fit(training, None, epochs=passes, seed=seed, on_epoch=lambda *_: None)
    return model, time.perf_counter() - began


def compared(model: keras.Model, photos: Dataset) -> dict[str, float]:
    """How like its ONNX export answers."""
    images = photos.images[:: max(1, len(photos.images) // EXPORTED_PHOTOS)][:EXPORTED_PHOTOS]
    expected = model.predict(images.astype(np.float32), batch_size=onnx_export.BATCH, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        onnx_export.export(model, Path(folder) / "model.onnx")
        found = onnx_export.compare(Path(folder) / "model.onnx", images, expected)
    return {
        "onnx_photos": found.images,
        "onnx_other_labels": found.other_labels,
        "onnx_largest_difference": found.largest_difference,
    }


def main() -> None:
    """Read the command line, train on 80 percent of the photos, and test on the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="what prepare_photos.py wrote")
    parser.add_argument("--seed", type=int, required=True, help="of the split and of the training")
    parser.add_argument(
        "--passes", type=int, help="train ours for so many over the photos; else the baseline for its own"
    )
    parser.add_argument("--export", action="store_true", help="compare the ONNX export too")
    arguments = parser.parse_args()
    with np.load(arguments.photos) as file:
        photos = Dataset([str(label) for label in file["labels"]], file["images"], file["classes"])
    training, testing = split(photos, TEST_PERCENTAGE, seed=arguments.seed)
    if testing is None or not len(testing.classes):
        sys.exit(f"trial: {arguments.photos} leaves no photos to test on")
    train: Callable[[Dataset, int], tuple[keras.Model, float]] = train_baseline
    if arguments.passes is not None:
        train = lambda training, seed: train_ours(training, seed, arguments.passes)  # noqa: E731
    model, seconds = train(training, arguments.seed)
    answered = model.predict(testing.images.astype(np.float32), batch_size=onnx_export.BATCH, verbose=0).argmax(axis=1)
    figures: dict[str, float] = {
        "seconds": seconds,
        "accuracy": float((answered == testing.classes).mean()),
        "tested": len(testing.classes),
        "trained": len(training.classes),
        "parameters": model.count_params(),
    }
    if arguments.export:
        figures |= compared(model, photos)
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
