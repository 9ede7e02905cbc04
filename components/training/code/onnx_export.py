"""The ONNX export of a Keras model, and the proof that it answers alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import onnxruntime

if TYPE_CHECKING:
    import keras

TOLERANCE = 1e-4
"""The largest difference between two probabilities that rounding may explain."""

BATCH = 64


class ExportError(Exception):
    """An export that does not answer as the Keras model does."""


@dataclass(frozen=True)
class Comparison:
    """How like the answers of two models are."""

    images: int
    other_labels: int
    """Images to which another label is given."""
    largest_difference: float
    """Between two probabilities, of all images and labels."""

    @property
    def alike(self) -> bool:
        """Whether the one model may stand for the other."""
        # Not "greater than": NaN must fail too.
        return self.other_labels == 0 and self.largest_difference <= TOLERANCE


def export(model: keras.Model, path: Path) -> None:
    """Write the model as ONNX, for batches of any size."""
    model.export(path, format="onnx", verbose=False)


def compare(path: Path, images: npt.NDArray[np.uint8], expected: npt.NDArray[np.float32]) -> Comparison:
    """The answers of the export to RGB images, [N, H, W, 3], beside the expected probabilities, [N, labels]."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches = [images[start : start + BATCH].astype(np.float32) for start in range(0, len(images), BATCH)]
    answered = np.concatenate([session.run(None, {name: batch})[0] for batch in batches])
    other = int((answered.argmax(axis=1) != expected.argmax(axis=1)).sum())
    return Comparison(len(images), other, float(np.abs(answered - expected).max()))


def check(path: Path, images: npt.NDArray[np.uint8], expected: npt.NDArray[np.float32]) -> Comparison:
    """The comparison, if the export may stand for the Keras model; else `ExportError`."""
    found = compare(path, images, expected)
    if not found.alike:
        raise ExportError(
            f"{path.name}: it gives {found.other_labels} of {found.images} images another label, and its probabilities "
            f"differ by up to {found.largest_difference:.2g} from those of the Keras model; "
            f"no other label and at most {TOLERANCE:g} can be rounding"
        )
    return found
