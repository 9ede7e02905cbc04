"""The steps of a training, on one worker or on several at once.

A loop of its own, because Keras 3 does not support several workers in `Model.fit`
(https://github.com/keras-team/keras/issues/20585); its layers and optimizers do, within `Strategy.run`.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import recipe
import tensorflow as tf
from workers import Values, Workers


class Steps:
    """Makes the steps, and measures; holds the variables that a training consists of."""

    def __init__(self, model: keras.Model, optimizer: keras.optimizers.Optimizer, workers: Workers) -> None:
        self.model, self.optimizer, self.workers = model, optimizer, workers
        self._loss = recipe.loss()

    @property
    def variables(self) -> list[keras.Variable]:
        """The whole state: weights, averages, the states of chance, and the optimizer's."""
        return [*self.model.variables, *self.optimizer.variables]

    @tf.function
    def run(self, batches: Iterator[tuple[tf.Tensor, tf.Tensor]], count: tf.Tensor) -> tf.Tensor:
        """Make so many steps; the sums over their photos of the loss and of the right answers, [2]."""
        totals = tf.zeros(2)
        for _ in tf.range(count):
            images, expected = next(batches)
            own = self.workers.strategy.run(self._step, args=(images, expected))
            totals += self.workers.strategy.reduce(tf.distribute.ReduceOp.SUM, own, axis=None)
        return totals

    def _step(self, images: tf.Tensor, expected: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            answered = self.model(images, training=True)
            losses = self._loss.call(expected, answered)
            # Of the whole batch, of which this worker may have but a share: what the workers add up is its gradient.
            loss = tf.reduce_sum(losses) / recipe.BATCH
            if self.model.losses:
                loss += tf.add_n(self.model.losses) / self.workers.count
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return _totals(losses, expected, answered)

    def measure(self, batches: tf.data.Dataset, photos: int) -> tuple[float, float]:
        """The mean loss and the accuracy on all workers' batches, which are of so many photos together."""
        [totals] = self.workers.total([self._measure(batches).numpy()])
        return float(totals[0]) / photos, float(totals[1]) / photos

    @tf.function
    def _measure(self, batches: tf.data.Dataset) -> tf.Tensor:
        totals = tf.zeros(2)
        for images, expected in batches:
            answered = self.model(images, training=False)
            totals += _totals(self._loss.call(expected, answered), expected, answered)
        return totals

    def agree(self) -> None:
        """Give all workers the mean of the averages that each one's batch normalisation has of its own photos."""
        own = [variable for variable in self.model.non_trainable_variables if variable.dtype == "float32"]
        if self.workers.count > 1 and own:
            totals = self.workers.total([variable.numpy() for variable in own])
            for variable, value in zip(own, totals, strict=True):
                variable.assign(value / self.workers.count)

    @staticmethod
    def values(variables: list[keras.Variable]) -> Values:
        """Copies of what the variables hold."""
        return [np.array(variable) for variable in variables]


def assign(variables: list[keras.Variable], values: Values) -> None:
    """Put what `Steps.values` took of them back into the variables."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _totals(losses: tf.Tensor, expected: tf.Tensor, answered: tf.Tensor) -> tf.Tensor:
    right = tf.argmax(expected, axis=-1) == tf.argmax(answered, axis=-1)
    return tf.stack([tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.float32))])
