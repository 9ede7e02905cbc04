"""The network: small, residual, of separable convolutions; good for some hundred photos a class on a CPU."""

from __future__ import annotations

import keras
from keras import layers

WIDTH = 48
"""Channels of the first layer; they double with each block, as height and width halve."""

BLOCKS = 3
DROPOUT = 0.2

# Few steps are made, so the averages that batch normalisation keeps must settle fast.
MOMENTUM = 0.9


def build(height: int, width: int, classes: int) -> keras.Model:
    """The network: RGB images of values 0 to 255 in, a probability per class out."""
    images = keras.Input((height, width, 3), name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    x = layers.Conv2D(WIDTH, 3, strides=2, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    x = layers.Activation("relu")(x)
    for block in range(BLOCKS):
        x = _residual(x, WIDTH * 2 ** (block + 1))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(DROPOUT)(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(images, probabilities, name="animals")


def _residual(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Halves height and width; what the two convolutions add is a correction to the plain average."""
    shortcut = layers.AveragePooling2D(2, padding="same")(x)
    shortcut = layers.Conv2D(filters, 1, use_bias=False)(shortcut)
    shortcut = layers.BatchNormalization(momentum=MOMENTUM)(shortcut)
    x = layers.SeparableConv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    x = layers.Activation("relu")(x)
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    return layers.Activation("relu")(layers.Add()([shortcut, x]))
