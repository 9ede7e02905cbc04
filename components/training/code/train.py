"""Trains the classifier, tests it, and writes the model folder."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

# Said before these are imported: else TensorFlow fills the log with what it thinks of the CPU, and ONNX Runtime and
# MLflow report to their makers how they are used.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import keras
import mlflow
import numpy as np
import onnx_export
from dataset import Dataset, DatasetError, check_alike, fingerprint
from evaluation import confusion_document, evaluate, flat
from fitting import fit

log = logging.getLogger("training")


def train(training_folder: Path, testing_folder: Path, output: Path, *, epochs: int, seed: int) -> dict[str, Any]:
    """Train and test; the metrics go to `output`/metrics.json and, as they come, to the active MLflow run."""
    if epochs < 1:
        raise DatasetError(f"epochs is {epochs}; at least 1 is needed")
    training, testing = Dataset.read(training_folder), Dataset.read(testing_folder)
    check_alike(training, testing)
    log.info(
        "training on %d images and testing on %d of %s", len(training.images), len(testing.images), training.labels
    )
    mlflow.log_params({"epochs": epochs, "seed": seed, "labels": ",".join(training.labels)})
    mlflow.log_param("test_data_sha256", fingerprint(testing_folder))  # by which a gate knows what was measured on it

    started = time.monotonic()

    def report(epoch: int, logs: dict[str, float]) -> None:
        log.info("epoch %d of %d: loss %.3f, accuracy %.3f", epoch + 1, epochs, logs["loss"], logs["accuracy"])
        named = {name if name.startswith("val_") else f"training_{name}": value for name, value in logs.items()}
        mlflow.log_metrics({name: float(value) for name, value in named.items()}, step=epoch + 1)

    classifier, history = fit(training, testing, epochs=epochs, seed=seed, on_epoch=report)
    seconds = time.monotonic() - started

    images = testing.images.astype(np.float32)
    probabilities = classifier.predict(images, batch_size=onnx_export.BATCH, verbose=0)
    metrics = evaluate(testing.labels, testing.classes, probabilities)
    output.mkdir(parents=True, exist_ok=True)
    classifier.save(output / "model.keras")
    onnx_export.export(classifier, output / "model.onnx")
    metrics["onnx_max_difference"] = onnx_export.largest_difference(output / "model.onnx", images, probabilities)
    metrics |= {"training_seconds": round(seconds, 1), "history": history}
    own = {name: metrics[name] for name in ("onnx_max_difference", "training_seconds")}
    mlflow.log_metrics(flat(metrics) | own)
    mlflow.log_dict(confusion_document(testing.labels, metrics["confusion_matrix"]), "confusion_matrix.json")
    _write(output / "metrics.json", metrics)
    _write(output / "model.json", _description(training, len(testing.images), epochs=epochs, seed=seed))
    return metrics


def _description(training: Dataset, tested: int, *, epochs: int, seed: int) -> dict[str, Any]:
    height, width = training.size
    return {
        "labels": training.labels,
        "input": {"width": width, "height": height},
        "seed": seed,
        "epochs": epochs,
        "images": {"training": len(training.images), "testing": tested},
        "keras": keras.version(),
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line, train, and print how good the classifier became."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    # Else each request that takes an artifact to Azure is told, with all its headers.
    logging.getLogger("azure").setLevel(logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training-folder", type=Path, required=True)
    parser.add_argument("--testing-folder", type=Path, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output-folder", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        # Azure ML names the run of this job in MLFLOW_RUN_ID; elsewhere it is a new run.
        with mlflow.start_run():
            metrics = train(
                arguments.training_folder,
                arguments.testing_folder,
                arguments.output_folder,
                epochs=arguments.epochs,
                seed=arguments.seed,
            )
    except (DatasetError, onnx_export.ExportError) as error:
        sys.exit(f"training: {error}")
    except mlflow.MlflowException as error:
        sys.exit(f"training: MLflow at {mlflow.get_tracking_uri()} does not take the metrics: {error}")
    log.info("trained in %.0f seconds", metrics["training_seconds"])
    for label, figures in metrics["per_class"].items():
        log.info("%s: precision %.3f, recall %.3f", label, figures["precision"], figures["recall"])
    log.info("the ONNX export answers alike to within %.1e", metrics["onnx_max_difference"])
    log.info("test accuracy %.3f", metrics["accuracy"])


if __name__ == "__main__":
    main()
