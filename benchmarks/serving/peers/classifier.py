"""What the peers' servers have in common: a photo's preparation and the model, as a careful user writes them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnxruntime
from PIL import Image


class Classifier:
    """The model of the folder MODEL_PATH in ONNX Runtime, on one thread: there are as many workers as cores."""

    def __init__(self) -> None:
        folder = Path(os.environ["MODEL_PATH"])
        described = json.loads((folder / "model.json").read_text())
        self.labels: list[str] = described["labels"]
        self._size = (described["input"]["width"], described["input"]["height"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def prepare(self, photo: BinaryIO | Image.Image) -> np.ndarray:
        """A photo as [height, width, 3] of 0 to 255; JPEG is decoded at the smallest scale that is large enough."""
        image = photo if isinstance(photo, Image.Image) else Image.open(photo)
        image.draft("RGB", self._size)
        return np.asarray(image.convert("RGB").resize(self._size), dtype=np.float32)

    def probabilities(self, photos: np.ndarray) -> np.ndarray:
        """[N, labels] for [N, height, width, 3]."""
        answered: np.ndarray = self._session.run(None, {self._input: photos})[0]
        return answered

    def answer(self, probabilities: np.ndarray) -> dict[str, object]:
        """What is answered for one photo."""
        best = int(probabilities.argmax())
        return {
            "label": self.labels[best],
            "probability": float(probabilities[best]),
            "probabilities": dict(zip(self.labels, map(float, probabilities), strict=True)),
        }
