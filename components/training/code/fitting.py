"""Fits the network to the training data."""

from __future__ import annotations

import sys
from collections.abc import Callable

import keras
import network
import recipe
import tensorflow as tf
from dataset import Dataset

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
    steps = epochs * recipe.steps_per_epoch(len(training.images))
    classifier.compile(optimizer=recipe.optimizer(steps), loss=recipe.loss(), metrics=["accuracy"])
    history = classifier.fit(
        _batches(training, seed),
        epochs=epochs,
        validation_data=_once(validation),
        # A bar for a person; a line an epoch in a log, which the callback writes.
        verbose="auto" if sys.stdout.isatty() else 0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=on_epoch)],
    )
    return classifier, {name: [float(value) for value in values] for name, values in history.history.items()}


def _batches(training: Dataset, seed: int) -> tf.data.Dataset:
    """One epoch, in an order of its own each time, each batch with views of its own."""
    classes = keras.utils.to_categorical(training.classes, len(training.labels))
    images = tf.data.Dataset.from_tensor_slices((training.images, classes))
    shuffled = images.shuffle(len(training.images), seed=seed, reshuffle_each_iteration=True).repeat(recipe.VIEWS)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    batches = tf.data.Dataset.zip(shuffled.batch(recipe.BATCH), seeds)
    return batches.map(lambda batch, chance: (recipe.augment(batch[0], chance), batch[1]))


def _once(data: Dataset) -> tf.data.Dataset:
    """The images as they are, in their order."""
    classes = keras.utils.to_categorical(data.classes, len(data.labels))
    images = tf.data.Dataset.from_tensor_slices((data.images, classes)).batch(recipe.BATCH)
    return images.map(lambda batch, expected: (tf.cast(batch, tf.float32), expected))
