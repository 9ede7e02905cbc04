"""The backbone: with a file of weights, and without one where none can be fetched."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)

PROGRAM = """
import json, sys
from pathlib import Path
import keras
import numpy as np
import backbone, onnx_export
from dataset import Dataset
from fitting import fit
from functools import partial

folder = Path(sys.argv[1])
def refused(weights):
    try:
        backbone.build(32, 32, 2, weights=weights)
    except backbone.BackboneError as error:
        return str(error)
said = {"offline": refused(None)}
(folder / "wrong.h5").write_bytes(b"no weights")
said["wrong"] = refused(folder / "wrong.h5")
keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(folder / "other.weights.h5")
said["other"] = refused(folder / "other.weights.h5")

classes = np.arange(16) % 2
images = np.random.default_rng(1).integers(0, 128, (16, 32, 32, 3), dtype=np.uint8)
images[classes == 1] += 127
# Weights by chance stand in for those of ImageNet; normalised as if they had learnt, or they would tell nothing apart.
keras.utils.set_random_seed(3)
given = keras.applications.MobileNetV3Small(weights=None, input_shape=(128, 128, 3), include_top=False, pooling="avg")
for layer in given.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = 0.0
given(keras.ops.repeat(keras.ops.repeat(images.astype(np.float32), 4, axis=1), 4, axis=2), training=True)
given.save_weights(folder / "given.weights.h5")
photos = Dataset(["dark", "light"], images, classes)
build = partial(backbone.build, weights=folder / "given.weights.h5")
model, history = fit(photos, None, epochs=2, seed=1, on_epoch=lambda *_: None, build=build)
kept = next(layer for layer in model.layers if isinstance(layer, keras.Model))
said["frozen"] = all(map(np.array_equal, kept.get_weights(), given.get_weights()))
said["trainable"] = [variable.path for variable in model.trainable_variables]
onnx_export.export(model, folder / "model.onnx")
expected = model.predict(images.astype(np.float32), verbose=0)
found = onnx_export.check(folder / "model.onnx", images, expected)
said["export"] = [found.images, found.other_labels]
said["spread"] = float(np.abs(expected[classes == 0].mean(0) - expected[classes == 1].mean(0)).max())
print(json.dumps(said))
"""


def test_a_frozen_backbone_with_a_head_of_its_own(python: str, snapshot: Callable[[str], Path], tmp_path: Path) -> None:
    nowhere = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "no_proxy": ""}
    environment = os.environ | nowhere | {"KERAS_HOME": str(tmp_path / "keras"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    command, code = [python, "-c", PROGRAM, tmp_path], snapshot("training/training")
    ended = subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout.splitlines()[-1])
    assert said["offline"].startswith(
        "the ImageNet weights of mobilenet_v3_small can't be fetched (URL fetch failure on "
    )
    assert said["offline"].endswith("); let the compute reach that address, or hand the file in as backbone_weights")
    for name, file in (("wrong", "wrong.h5"), ("other", "other.weights.h5")):
        assert said[name].startswith(f"{tmp_path}/{file}: not the weights of mobilenet_v3_small without its top (")
        assert len(said[name].splitlines()) == 1
    assert said["frozen"], "not a bit of it is altered by the training"
    assert said["trainable"] == ["probabilities/kernel", "probabilities/bias"]
    assert said["export"] == [16, 0]
    assert said["spread"] > 0.01, "it tells photos apart"
