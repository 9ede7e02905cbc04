"""Writes the model that all servers have, with random weights: the speed is the same. `python model_export.py FOLDER`.

Run by the training's environment, with the baseline and the training's code on its path.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import baseline
import keras
import numpy as np
import onnx_export

LABELS = ("cats", "dogs", "pandas")


def write(folder: Path) -> None:
    """Write model.keras, model.onnx and model.json; an error if the export does not answer as the model does."""
    keras.utils.set_random_seed(6)
    model = baseline.build()
    photos = np.random.default_rng(6).uniform(0, 255, (8, baseline.SIDE, baseline.SIDE, 3)).astype(np.float32)
    expected = model.predict(photos, verbose=0)
    model.save(folder / "model.keras")
    onnx_export.export(model, folder / "model.onnx")
    onnx_export.check(folder / "model.onnx", photos, expected)
    described = {"labels": LABELS, "input": {"width": baseline.SIDE, "height": baseline.SIDE}}
    (folder / "model.json").write_text(json.dumps(described))
    (folder / "parameters").write_text(str(model.count_params()))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
