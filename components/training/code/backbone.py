"""A network on top of MobileNetV3 Small, which has learnt to see from the 1.3 million photos of ImageNet."""

from __future__ import annotations

import math
from pathlib import Path

import keras
from keras import layers

NAME = "mobilenet_v3_small"

SMALLEST = 128
"""Height and width that photos are at least enlarged to: its features are made for 224, and halve the size 5 times."""

DROPOUT = 0.2


class BackboneError(Exception):
    """Weights that can't be had, or are not the backbone's; the text says why and what to do."""


def build(height: int, width: int, classes: int, *, weights: Path | None) -> keras.Model:
    """The network: RGB images of values 0 to 255 in, a probability per class out; only its last layer can learn.

    The weights are those of Keras (https://keras.io/api/applications/mobilenet/), fetched unless a file is given.
    Raises `BackboneError`.
    """
    images = keras.Input((height, width, 3), name="images")
    scale = max(1, math.ceil(SMALLEST / min(height, width)))
    x = layers.UpSampling2D(scale, interpolation="bilinear")(images) if scale > 1 else images
    seen = _backbone(height * scale, width * scale, weights)
    # Frozen; and its batch normalisation keeps the averages of ImageNet, also in training.
    seen.trainable = False
    x = seen(x, training=False)
    x = layers.Dropout(DROPOUT)(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(images, probabilities, name="animals")


def _backbone(height: int, width: int, weights: Path | None) -> keras.Model:
    given = {"input_shape": (height, width, 3), "include_top": False, "pooling": "avg", "include_preprocessing": True}
    if weights is None:
        try:
            return keras.applications.MobileNetV3Small(weights="imagenet", **given)
        except Exception as error:  # Keras raises no other when it can't fetch a file
            raise BackboneError(
                f"the ImageNet weights of {NAME} can't be fetched ({_line(error)}); let the compute reach that "
                "address, or hand the file in as backbone_weights"
            ) from error
    model = keras.applications.MobileNetV3Small(weights=None, **given)
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        raise BackboneError(f"{weights}: not the weights of {NAME} without its top ({_line(error)})") from error
    return model


def _line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
