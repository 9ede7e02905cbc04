"""The network: a small one of full convolutions and max pooling, for some hundred photos a class on a CPU.

On a CPU a full 3 x 3 convolution makes three to four times as many multiplications a second as a depthwise one, which
waits for memory, and a network of them needs fewer layers, each of which is traced and started anew. It is narrow, so
that it can see the photos often; what it has of the time goes into looking at them at full size.
"""

from __future__ import annotations

import keras
from keras import layers

WIDTHS = (16, 32, 64, 128)
"""Channels of each stage; max pooling halves height and width at its end. With strides instead, the like network in the
like time knew its training photos sooner and others worse."""

PLAIN_STAGES = 2
"""Stages of one convolution alone; in those after them a second one adds a correction to the pooled result of the
first. In the early stages, where the maps are large, it would cost as much as all the others together."""

DROPOUT = 0.2

# Few steps are made, so the averages that batch normalisation keeps must settle fast.
MOMENTUM = 0.9


def build(height: int, width: int, classes: int) -> keras.Model:
    """The network: RGB images of values 0 to 255 in, a probability per class out."""
    images = keras.Input((height, width, 3), name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    for stage, filters in enumerate(WIDTHS):
        x = layers.MaxPooling2D(2, padding="same")(_convolution(x, filters))
        if stage >= PLAIN_STAGES:
            x = layers.Add()([x, _convolution(x, filters)])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(DROPOUT)(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(images, probabilities, name="animals")


def _convolution(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """3 x 3, batch normalisation, ReLU."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    return layers.Activation("relu")(x)
