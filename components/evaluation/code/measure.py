"""Measures how well a registered classifier does on testing data, and says which data that was."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

# Said before these are imported: else both report to their makers how they are used.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
import numpy as np
import numpy.typing as npt
import onnxruntime
from dataset import Dataset, DatasetError, fingerprint
from evaluation import evaluate, flat

log = logging.getLogger("evaluation")

BATCH = 64


class ModelError(Exception):
    """A model that cannot be measured on these images; the text says why."""


def measure(model: Path, test_data: Path) -> dict[str, Any]:
    """Test the model; the metrics go to the active MLflow run."""
    folder = model_folder(model)
    testing = Dataset.read(test_data)
    check_fits(folder, testing)
    metrics = evaluate(testing.labels, testing.classes, answers(folder / "model.onnx", testing.images))
    mlflow.log_params({"test_data_sha256": fingerprint(test_data), "test_images": len(testing.images)})
    mlflow.log_metrics(flat(metrics))
    return metrics


def model_folder(model: Path) -> Path:
    """The folder with the model's files, wherever in the given one it is: a download puts folders around it."""
    found = sorted(path.parent for path in model.rglob("model.onnx"))
    if len(found) != 1:
        raise ModelError(f"{model}: there are {len(found)} files model.onnx; there has to be one")
    if not (found[0] / "model.json").is_file():
        raise ModelError(f"{found[0]}: there is no model.json, which says what the model's answers mean")
    return found[0]


def check_fits(folder: Path, testing: Dataset) -> None:
    """Make sure that the model tells apart just these labels, on images of this size."""
    described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    labels, size = described["labels"], (described["input"]["height"], described["input"]["width"])
    if labels != testing.labels:
        raise ModelError(f"the labels differ: {labels} of the model and {testing.labels} to test on")
    if size != testing.size:
        raise ModelError(f"the sizes differ: {size} of the model and {testing.size} to test on")


def answers(path: Path, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The probability of each label, for each image: [N, labels]."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches = [images[start : start + BATCH].astype(np.float32) for start in range(0, len(images), BATCH)]
    return np.concatenate([session.run(None, {name: batch})[0] for batch in batches])


def main() -> None:
    """Read the command line, measure, and print how good the classifier is."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--test-data", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        # Azure ML names the run of this job in MLFLOW_RUN_ID; elsewhere it is a new run.
        with mlflow.start_run():
            metrics = measure(arguments.model, arguments.test_data)
    except (DatasetError, ModelError) as error:
        sys.exit(f"evaluation: {error}")
    except mlflow.MlflowException as error:
        sys.exit(f"evaluation: MLflow at {mlflow.get_tracking_uri()} does not take the metrics: {error}")
    for label, figures in metrics["per_class"].items():
        log.info("%s: precision %.3f, recall %.3f", label, figures["precision"], figures["recall"])
    log.info("test accuracy %.3f", metrics["accuracy"])


if __name__ == "__main__":
    main()
