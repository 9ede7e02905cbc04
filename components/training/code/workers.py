"""The workers that train one network together, and what they tell each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from cluster import place

Values = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class Workers:
    """All workers, as one of them sees them; this one alone, if there is no TF_CONFIG."""

    index: int = 0
    count: int = 1
    strategy: tf.distribute.Strategy = field(default_factory=tf.distribute.get_strategy)

    @property
    def chief(self) -> bool:
        """Whether this is the one that reads and writes what is there but once: checkpoints, the model, MLflow."""
        return self.index == 0

    def total(self, values: Sequence[npt.ArrayLike]) -> Values:
        """The sums of what each worker hands in; all wait for each other, and all get the same."""
        own = [np.asarray(value) for value in values]
        if self.count == 1 or not own:
            return own

        def add(*tensors: tf.Tensor) -> list[tf.Tensor]:
            context = tf.distribute.get_replica_context()
            return [context.all_reduce(tf.distribute.ReduceOp.SUM, tensor) for tensor in tensors]

        # Of the whole numbers, only these can be sent.
        tensors = tuple(tf.constant(value.astype(np.int64) if value.dtype.kind in "iu" else value) for value in own)
        summed = tf.function(lambda: self.strategy.run(add, args=tensors))()
        return [tensor.numpy().astype(value.dtype) for tensor, value in zip(summed, own, strict=True)]

    def meet(self) -> None:
        """Wait until all have come as far as this."""
        self.total([np.int32(1)])


def join(config: str | None) -> Workers:
    """Meet the other workers that TF_CONFIG names; must be called before TensorFlow computes anything."""
    if not config:
        return Workers()
    index, count = place(config)
    if count == 1:
        return Workers()
    # A worker's share of a batch is for one device: of several GPUs in a machine, it would take all for one share each.
    tf.config.set_visible_devices(tf.config.list_physical_devices("GPU")[:1], "GPU")
    return Workers(index, count, tf.distribute.MultiWorkerMirroredStrategy())
