"""How well a classifier does on the testing data."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def evaluate(
    labels: list[str], expected: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float32]
) -> dict[str, Any]:
    """Accuracy, the figures of each label, and the confusion matrix: a row an expected label, a column an answer."""
    answered = probabilities.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (expected, answered), 1)
    return {
        "accuracy": float(np.trace(confusion) / confusion.sum()),
        "per_class": {label: _figures(confusion, number) for number, label in enumerate(labels)},
        "confusion_matrix": confusion.tolist(),
    }


def flat(metrics: dict[str, Any]) -> dict[str, float]:
    """The accuracy and the figures of each label as MLflow takes them: a number a name, the same everywhere."""
    found = {"accuracy": float(metrics["accuracy"])}
    for label, figures in metrics["per_class"].items():
        found |= {f"{name}_{label}": float(value) for name, value in figures.items()}
    return found


def confusion_document(labels: list[str], matrix: list[list[int]]) -> dict[str, Any]:
    """The confusion matrix as Azure ML's own JSON, which its Studio and others know by `schema_type`.

    https://learn.microsoft.com/azure/machine-learning/reference-migrate-sdk-v1-mlflow-tracking
    """
    data = {"class_labels": labels, "matrix": matrix}
    return {"schema_type": "confusion_matrix", "schema_version": "1.0.0", "data": data}


def _figures(confusion: npt.NDArray[np.int64], number: int) -> dict[str, float | int]:
    right = int(confusion[number, number])
    answered, support = int(confusion[:, number].sum()), int(confusion[number].sum())
    return {
        # What was never answered, or never asked for, counts as 0.
        "precision": right / answered if answered else 0.0,
        "recall": right / support if support else 0.0,
        "f1": 2 * right / (answered + support) if answered + support else 0.0,
        "support": support,
    }
