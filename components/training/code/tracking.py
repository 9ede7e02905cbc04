"""What MLflow is told of a training, as it goes on; of several workers, by the chief alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import mlflow
from evaluation import confusion_document, flat

MEASURED = ("onnx_max_difference", "onnx_other_labels", "training_seconds")
"""What is told beside how well it does."""


def run(*, chief: bool) -> AbstractContextManager[object]:
    """The run of this job, which Azure ML names in MLFLOW_RUN_ID; elsewhere it is a new one."""
    return mlflow.start_run() if chief else nullcontext()


def begin(parameters: Mapping[str, object], *, test_data: str) -> None:
    """Name what the training is made with, and the digest of the test data: by it a gate knows what was measured on."""
    mlflow.log_params({**parameters, "test_data_sha256": test_data})


def epochs_told() -> set[int]:
    """The epochs, counted from 1, of which the run knows already: it is the run of a job that is made once more."""
    run = mlflow.active_run()
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "training_loss") if run else []
    return {measured.step for measured in history}


def epoch(number: int, measured: dict[str, float]) -> None:
    """Tell what was measured in the epoch, counted from 1."""
    named = {name if name.startswith("val_") else f"training_{name}": value for name, value in measured.items()}
    mlflow.log_metrics({name: float(value) for name, value in named.items()}, step=number)


def end(labels: list[str], metrics: dict[str, Any], pictures: list[Path]) -> None:
    """Tell what came out."""
    mlflow.log_metrics(flat(metrics) | {name: float(metrics[name]) for name in MEASURED})
    mlflow.log_dict(confusion_document(labels, metrics["confusion_matrix"]), "confusion_matrix.json")
    for picture in pictures:
        mlflow.log_artifact(str(picture), "pictures")
