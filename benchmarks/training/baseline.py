"""The network that training is held against, written and trained as tutorials do it: nothing here is tuned.

It needs only Keras with TensorFlow, so other benchmarks load it by its path into environments of their own.
"""

from __future__ import annotations

import keras
from keras import layers

SIDE = 64
"""Height and width of its photos: RGB of values 0 to 255."""

CLASSES = 3
EPOCHS = 5
BATCH = 32
LEARNING_RATE = 0.01
PER_BLOCK = ((32, 1), (64, 2), (128, 3))
"""Channels and convolutions between one halving of height and width and the next."""


def build(side: int = SIDE, classes: int = CLASSES) -> keras.Model:
    """The compiled network, 4.6 million parameters at 64 x 64: [N, side, side, 3] of 0 to 255 in, probabilities out."""
    model = keras.Sequential([keras.Input((side, side, 3), name="images")], name="baseline")
    for channels, convolutions in PER_BLOCK:
        for _ in range(convolutions):
            model.add(layers.Conv2D(channels, 3, padding="same", activation="relu"))
            model.add(layers.BatchNormalization())
        model.add(layers.MaxPooling2D(2))
        model.add(layers.Dropout(0.25))
    model.add(layers.Flatten())
    model.add(layers.Dense(512, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(classes, activation="softmax", name="probabilities"))
    model.compile(
        optimizer=keras.optimizers.SGD(LEARNING_RATE), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model
