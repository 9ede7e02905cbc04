"""What came out of a training: it is tested, and written with its pictures and an export that answers alike."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx_export
import pictures
import tracking
from dataset import Dataset
from evaluation import evaluate
from fitting import History

COMPARED = 1000
"""Images on which the export is compared with the Keras model, if there are so many."""


@dataclass(frozen=True)
class Outcome:
    """A classifier, how it was trained, and the images it is to be tested on."""

    classifier: keras.Model
    history: History
    seconds: float
    training: Dataset
    testing: Dataset

    def write(self, folder: Path, description: dict[str, Any]) -> dict[str, Any]:
        """Test the classifier and write the model folder; returns the metrics, of which MLflow is told.

        Raises `ExportError` if the export does not answer as the classifier does.
        """
        probabilities = self._answers(self.testing.images)
        folder.mkdir(parents=True, exist_ok=True)
        self.classifier.save(folder / "model.keras")
        onnx_export.export(self.classifier, folder / "model.onnx")
        exported = self._compare(folder / "model.onnx", probabilities)
        metrics = evaluate(self.testing.labels, self.testing.classes, probabilities) | {
            "onnx_images": exported.images,
            "onnx_other_labels": exported.other_labels,
            "onnx_max_difference": exported.largest_difference,
            "training_seconds": self.seconds,
            "history": self.history,
        }
        drawn = pictures.draw(
            folder / "pictures",
            history=self.history,
            tested=self.testing,
            probabilities=probabilities,
            confusion=metrics["confusion_matrix"],
        )
        tracking.end(self.testing.labels, metrics, drawn)
        _write(folder / "metrics.json", metrics)
        _write(folder / "model.json", self._description() | description)
        return metrics

    def _compare(self, export: Path, probabilities: npt.NDArray[np.float32]) -> onnx_export.Comparison:
        images = self.testing.images[:COMPARED]
        more = self.training.images[: COMPARED - len(images)]
        expected = [probabilities[:COMPARED], *([self._answers(more)] if len(more) else [])]
        return onnx_export.check(export, np.concatenate([images, more]), np.concatenate(expected))

    def _answers(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return self.classifier.predict(images.astype(np.float32), batch_size=onnx_export.BATCH, verbose=0)

    def _description(self) -> dict[str, Any]:
        height, width = self.testing.size
        weights = hashlib.sha256(b"".join(weight.tobytes() for weight in self.classifier.get_weights()))
        return {
            "labels": self.testing.labels,
            "input": {"width": width, "height": height},
            "weights_sha256": weights.hexdigest(),
            "keras": keras.version(),
        }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
