"""Trains the classifier, tests it, and writes the model folder."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

# Said before these are imported: else TensorFlow fills the log with what it thinks of the CPU, and ONNX Runtime and
# MLflow report to their makers how they are used.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import keras
import mlflow
import recipe
import tensorflow as tf
import tracking
from backbone import BackboneError
from checkpoints import CheckpointError, Checkpoints
from cluster import ClusterError
from dataset import Dataset, DatasetError, check_alike, fingerprint
from fitting import fit
from onnx_export import ExportError
from outcome import Outcome
from settings import Folders, Settings, read
from validation import split
from workers import Workers, join

log = logging.getLogger("training")

DECIDING = ("backbone", "batches", "dataset", "fitting", "network", "recipe", "steps", "stopping", "validation")
"""The modules that decide which weights come out: a checkpoint of others can't be gone on from."""


def train(folders: Folders, settings: Settings, workers: Workers) -> dict[str, Any] | None:
    """Train and test; the metrics go to metrics.json and, as they come, to the active MLflow run.

    Only the chief of several workers writes; to the others there is nothing to return.
    """
    settings.check()
    if workers.count > recipe.BATCH:
        raise ClusterError(f"{workers.count} workers can't share batches of {recipe.BATCH} images; lower worker_count")
    photos, testing = Dataset.read(folders.training), Dataset.read(folders.testing)
    check_alike(photos, testing)
    training, validation = split(photos, settings.validation_percentage, seed=settings.seed)
    counts = {"training": len(training.images), "validation": len(validation.images) if validation else 0}
    counts["testing"] = len(testing.images)
    if workers.chief:
        log.info("images of %s: %s", ", ".join(photos.labels), ", ".join(f"{n} {use}" for use, n in counts.items()))
        parameters = {**settings.told, "labels": ",".join(photos.labels), "workers": workers.count}
        tracking.begin(parameters, test_data=fingerprint(folders.testing))

    started = time.monotonic()
    classifier, history = fit(
        training,
        validation,
        epochs=settings.epochs,
        seed=settings.seed,
        patience=settings.patience,
        build=settings.build,
        workers=workers,
        checkpoints=_checkpoints(folders, settings),
        on_epoch=_report(settings.epochs) if workers.chief else _silent,
    )
    if not workers.chief:
        return None
    seconds = round(time.monotonic() - started, 1)
    description = {**settings.told, "images": counts}
    return Outcome(classifier, history, seconds, training, testing).write(folders.output, description)


def _report(epochs: int) -> Callable[[int, dict[str, float]], None]:
    told = tracking.epochs_told()

    def report(epoch: int, logs: dict[str, float]) -> None:
        measured = ", ".join(f"{name.replace('val_', 'validation ')} {value:.3f}" for name, value in logs.items())
        log.info("epoch %d of %d: %s", epoch + 1, epochs, measured)
        if epoch + 1 not in told:
            tracking.epoch(epoch + 1, logs)

    return report


def _silent(epoch: int, logs: dict[str, float]) -> None:
    """The chief tells it."""


def _checkpoints(folders: Folders, settings: Settings) -> Checkpoints | None:
    if folders.checkpoints is None:
        return None
    code = hashlib.sha256(b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in DECIDING))
    given = settings.backbone_weights
    identity = {
        **settings.told,
        "backbone weights": hashlib.sha256(given.read_bytes()).hexdigest() if given else "",
        "training data": fingerprint(folders.training),
        "training code": code.hexdigest(),
        "keras": keras.version(),
        "tensorflow": tf.__version__,
    }
    return Checkpoints(folders.checkpoints, identity)


def main() -> None:
    """Read the command line, train, and print how good the classifier became."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    # Else each request that takes an artifact to Azure is told, with all its headers, and each sum over the workers.
    for chatty in ("azure", "tensorflow"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    folders, settings = read(__doc__)
    workers = Workers()
    try:
        workers = join(os.environ.get("TF_CONFIG"))
        if workers.count > 1:
            sys.excepthook = _unexpected
        with tracking.run(chief=workers.chief):
            metrics = train(folders, settings, workers)
        workers.meet()
    except (BackboneError, CheckpointError, ClusterError, DatasetError, ExportError) as error:
        _fail(workers, str(error))
    except mlflow.MlflowException as error:
        _fail(workers, f"MLflow at {mlflow.get_tracking_uri()} does not take the metrics: {error}")
    except tf.errors.OpError as error:
        if workers.count == 1:
            raise
        lost = f"worker {workers.index} of {workers.count} lost another ({type(error).__name__}), whose log tells why"
        _fail(workers, f"{lost}; started again, the training goes on from its last checkpoint")
    if metrics:
        _tell(metrics)
    else:
        log.info("worker %d of %d is done; the chief has the model", workers.index, workers.count)


def _fail(workers: Workers, text: str) -> NoReturn:
    if workers.count == 1:
        sys.exit(f"training: {text}")
    sys.stderr.write(f"training: {text}\n")
    _end_at_once()


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.__excepthook__(kind, error, trace)
    _end_at_once()


def _end_at_once() -> NoReturn:
    """Leave without the ordinary exit: it would wait for the other workers, and they wait for this one."""
    sys.stderr.flush()
    os._exit(1)


def _tell(metrics: dict[str, Any]) -> None:
    log.info("trained in %.0f seconds", metrics["training_seconds"])
    for label, figures in metrics["per_class"].items():
        log.info("%s: precision %.3f, recall %.3f", label, figures["precision"], figures["recall"])
    log.info("the ONNX export answers alike to within %.1e", metrics["onnx_max_difference"])
    log.info("test accuracy %.3f", metrics["accuracy"])


if __name__ == "__main__":
    main()
