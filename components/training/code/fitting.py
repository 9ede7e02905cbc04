"""Fits the network to the training data."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import keras
import network
import tensorflow as tf
from dataset import Dataset

BATCH = 16

VIEWS = 3
"""How often an epoch shows each image, every time moved and flipped otherwise: the photos are few."""

LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
LABEL_SMOOTHING = 0.1

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises; it falls along a cosine after that."""

History = dict[str, list[float]]


def fit(
    training: Dataset, validation: Dataset, *, epochs: int, seed: int, on_epoch: Callable[[int, dict[str, float]], None]
) -> tuple[keras.Model, History]:
    """Train a network; a like seed gives the like network on the like machine.

    After each epoch it is measured on the validation data, `val_…` in the history: only to be looked at.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    classifier = network.build(*training.size, classes=len(training.labels))
    trained = network.with_augmentation(classifier)
    steps = epochs * math.ceil(VIEWS * len(training.images) / BATCH)
    trained.compile(
        optimizer=keras.optimizers.AdamW(_schedule(steps), weight_decay=WEIGHT_DECAY),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        metrics=["accuracy"],
    )
    history = trained.fit(
        _batches(training, seed),
        epochs=epochs,
        validation_data=_once(validation),
        # A bar for a person; a line an epoch in a log, which the callback writes.
        verbose="auto" if sys.stdout.isatty() else 0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=on_epoch)],
    )
    return classifier, {name: [float(value) for value in values] for name, values in history.history.items()}


def _batches(training: Dataset, seed: int) -> tf.data.Dataset:
    """One epoch, in an order of its own each time."""
    classes = keras.utils.to_categorical(training.classes, len(training.labels))
    images = tf.data.Dataset.from_tensor_slices((training.images, classes))
    shuffled = images.shuffle(len(training.images), seed=seed, reshuffle_each_iteration=True).repeat(VIEWS)
    return shuffled.batch(BATCH).map(lambda batch, expected: (tf.cast(batch, tf.float32), expected))


def _once(data: Dataset) -> tf.data.Dataset:
    """The images as they are, in their order."""
    classes = keras.utils.to_categorical(data.classes, len(data.labels))
    images = tf.data.Dataset.from_tensor_slices((data.images, classes)).batch(BATCH)
    return images.map(lambda batch, expected: (tf.cast(batch, tf.float32), expected))


def _schedule(steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    rising = max(1, round(WARM_UP * steps))
    return keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 20, max(1, steps - rising), warmup_target=LEARNING_RATE, warmup_steps=rising
    )
