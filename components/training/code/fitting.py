"""Fits the network to the training data, epoch by epoch, from the last checkpoint on if there is one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import batches
import keras
import network
import numpy as np
import recipe
import tensorflow as tf
from checkpoints import Checkpoint, Checkpoints
from dataset import Dataset
from steps import Steps, assign
from stopping import EarlyStopping
from workers import Workers

log = logging.getLogger("training")

AT_ONCE = 50
"""Steps made in one call of the graph; between two calls it can be told how far an epoch is."""

TELL_EVERY = 30.0
"""Seconds of an epoch after which it is told."""

History = dict[str, list[float]]


Build = Callable[[int, int, int], keras.Model]
"""Makes a network for a height, a width and so many classes: RGB images of values 0 to 255 in, probabilities out."""


def fit(
    training: Dataset,
    validation: Dataset | None,
    *,
    epochs: int,
    seed: int,
    on_epoch: Callable[[int, dict[str, float]], None],
    patience: int = 0,
    build: Build = network.build,
    workers: Workers | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[keras.Model, History]:
    """Train a network; a like seed gives the like network on the like machine, to the bit, however often interrupted.

    After each epoch, counted from 0, it is measured on the validation data: `val_…` in the history. `on_epoch` is told
    of each one, also of those before a checkpoint that the training goes on from. Several workers share each batch.
    """
    workers = workers or Workers()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    per_epoch = recipe.steps_per_epoch(len(training.images))
    size, classes = training.size, len(training.labels)
    with workers.strategy.scope():
        model = build(*size, classes)
        optimizer = recipe.optimizer(epochs * per_epoch)
        optimizer.build(model.trainable_variables)
    stopping = EarlyStopping(patience if validation else 0, epochs)
    fitting = _Fitting(Steps(model, optimizer, workers), stopping, validation, checkpoints, per_epoch, on_epoch)
    fitting.resume()
    fitting.run(training, seed)
    return _alone(model, workers, lambda: build(*size, classes)), fitting.history


def _alone(model: keras.Model, workers: Workers, build: Callable[[], keras.Model]) -> keras.Model:
    """The model with variables of this worker alone, so that it can be used and saved without the others."""
    if workers.count == 1:
        return model
    own = build()
    own.set_weights(model.get_weights())
    return own


@dataclass
class _Fitting:
    steps: Steps
    stopping: EarlyStopping
    validation: Dataset | None
    checkpoints: Checkpoints | None
    per_epoch: int
    on_epoch: Callable[[int, dict[str, float]], None]
    history: History = field(default_factory=dict)
    done: int = 0
    """Epochs that are over."""

    @property
    def workers(self) -> Workers:
        return self.steps.workers

    @property
    def shard(self) -> dict[str, int]:
        return {"shard": self.workers.index, "shards": self.workers.count}

    @cached_property
    def measured(self) -> tf.data.Dataset:
        return batches.validation(self.validation, **self.shard)

    def run(self, training: Dataset, seed: int) -> None:
        """All epochs that are left; then the model has the weights to keep."""
        left = range(self.done * self.per_epoch, self.stopping.epochs * self.per_epoch)
        pipeline = self.workers.strategy.distribute_datasets_from_function(
            lambda _: batches.training(training, seed=seed, steps=left, **self.shard)
        )
        numbered = iter(pipeline)
        while self.done < self.stopping.epochs and not self.stopping.over(self.done):
            logs = self._epoch(numbered)
            self.steps.agree()
            logs |= self._validate()
            self.done += 1
            self._record(logs)
            self._write()
        self._end()

    def _epoch(self, numbered: Iterator[tuple[tf.Tensor, tf.Tensor]]) -> dict[str, float]:
        totals, made, told = np.zeros(2), 0, time.monotonic()
        while made < self.per_epoch:
            count = min(AT_ONCE, self.per_epoch - made)
            totals += self.steps.run(numbered, tf.constant(count)).numpy()
            made += count
            if made < self.per_epoch and time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                log.info("epoch %d of %d: %.0f %%", self.done + 1, self.stopping.epochs, 100 * made / self.per_epoch)
        loss, accuracy = totals / (self.per_epoch * recipe.BATCH)
        return {"loss": float(loss), "accuracy": float(accuracy)}

    def _validate(self) -> dict[str, float]:
        if self.validation is None:
            return {}
        loss, accuracy = self.steps.measure(self.measured, len(self.validation.images))
        if self.stopping.better(loss):
            self.stopping.keep(self.done + 1, loss, self.steps.values(self.steps.model.weights))
        return {"val_loss": loss, "val_accuracy": accuracy}

    def _record(self, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        self.on_epoch(self.done - 1, logs)

    def _end(self) -> None:
        if not self.stopping.best_epoch:
            self.steps.optimizer.finalize_variable_values(self.steps.model.trainable_variables)
            return
        assign(self.steps.model.weights, self.stopping.best_weights)
        best, loss = self.stopping.best_epoch, self.stopping.best_loss
        log.info("the weights of epoch %d are kept: its validation loss, %.3f, is the lowest", best, loss)

    def _write(self) -> None:
        if self.checkpoints and self.workers.chief:
            values = self.steps.values(self.steps.variables)
            notes = {"history": self.history, "best": [self.stopping.best_epoch, self.stopping.best_loss]}
            self.checkpoints.write(Checkpoint(self.done, values, self.stopping.best_weights, notes))

    def resume(self) -> None:
        """Take up the state of the last checkpoint, if there is one: the chief reads it and hands it to the others."""
        found = self.checkpoints.last() if self.checkpoints and self.workers.chief else None
        self.done = int(self.workers.total([np.int64(found.epoch if found else 0)])[0])
        if not self.done:
            return
        nothing = Checkpoint(0, _zeros(self.steps.variables), [], {"history": {}, "best": [0, 0.0]})
        checkpoint = found or nothing
        assign(self.steps.variables, self.workers.total(checkpoint.values))
        best_epoch, best_loss = self.workers.total(list(map(np.float64, checkpoint.notes["best"])))
        best = self.workers.total(checkpoint.best or (_zeros(self.steps.model.weights) if best_epoch else []))
        if best_epoch:
            self.stopping.keep(int(best_epoch), float(best_loss), best)
        self.history = checkpoint.notes["history"]
        log.info("going on after epoch %d, from the checkpoint in %s", self.done, _folder(self.checkpoints))
        for epoch in range(len(self.history.get("loss", []))):
            self.on_epoch(epoch, {name: values[epoch] for name, values in self.history.items()})


def _zeros(variables: list[keras.Variable]) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return [np.zeros_like(np.array(variable)) for variable in variables]


def _folder(checkpoints: Checkpoints | None) -> str:
    return str(checkpoints.folder) if checkpoints else "the chief's folder"
