"""The trained model: a folder with model.onnx and model.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

Pixels = npt.NDArray[np.float32] | npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]


class ModelError(Exception):
    """A model folder that can't be served; the text says why."""


@dataclass(frozen=True)
class Prediction:
    """What the model says of one photo."""

    label: str
    probability: float
    probabilities: dict[str, float]


class Classifier:
    """The model, loaded. It computes on the thread that calls it, and may be called by several at once."""

    def __init__(self, folder: Path) -> None:
        self.labels, self.width, self.height = _read_description(folder / "model.json")
        self._session = _open_session(folder / "model.onnx")
        self._input = self._session.get_inputs()[0].name
        self._check()

    def predict(self, image: Image.Image) -> Prediction:
        """Classify an RGB image of the model's size."""
        return self.prediction(self.classify(np.asarray(image, dtype=np.float32)[np.newaxis])[0])

    def classify(self, pixels: npt.NDArray[np.float32]) -> Probabilities:
        """The probabilities [N, labels] of images [N, height, width, 3] of values 0 to 255."""
        probabilities: Probabilities = self._session.run(None, {self._input: pixels})[0]
        return probabilities

    def prediction(self, probabilities: Probabilities) -> Prediction:
        """What the probabilities [labels] of an image mean."""
        values = probabilities.tolist()
        best = int(probabilities.argmax())
        return Prediction(self.labels[best], values[best], dict(zip(self.labels, values, strict=True)))

    def _check(self) -> None:
        """Classify a black image, which shows at once what does not fit, and warms the session up."""
        try:
            probabilities = self.classify(np.zeros((1, self.height, self.width, 3), dtype=np.float32))
        except Exception as error:
            raise ModelError(
                f"model.onnx does not take the {self.width} x {self.height} RGB images of model.json: "
                f"{_one_line(error)}"
            ) from error
        if probabilities.shape != (1, len(self.labels)):
            raise ModelError(
                f"model.onnx answers {probabilities.shape[1:]} values; model.json has {len(self.labels)} labels"
            )


def _read_description(path: Path) -> tuple[list[str], int, int]:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        labels = [str(label) for label in description["labels"]]
        width, height = int(description["input"]["width"]), int(description["input"]["height"])
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} must hold labels and input.width and input.height: {error!r}") from error
    return labels, width, height


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{path} can't be loaded: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
