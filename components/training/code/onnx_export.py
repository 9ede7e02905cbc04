"""The ONNX export of a Keras model, and the proof that it answers alike."""

from __future__ import annotations

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


def export(model: keras.Model, path: Path) -> None:
    """Write the model as ONNX, for batches of any size."""
    model.export(path, format="onnx", verbose=False)


def largest_difference(path: Path, images: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    """The largest difference between the answers of the export and the expected ones; an error above `TOLERANCE`."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    answered = np.concatenate([session.run(None, {name: batch})[0] for batch in batches])
    difference = float(np.abs(answered - expected).max())
    # Not "greater than": NaN must fail too.
    if not difference <= TOLERANCE:
        raise ExportError(
            f"{path.name}: its probabilities differ by up to {difference:.2g} from those of the Keras model, "
            f"more than {TOLERANCE:g}"
        )
    return difference
