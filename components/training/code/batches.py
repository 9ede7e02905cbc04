"""The batches that the network is trained on and validated on, as tf.data.

What a batch is follows from the seed and the number of its step alone, not from the batches before it: a resumed
training goes on with the very batch that the other would have had next, and each of several workers makes its own
share of a batch without a word to the others.
"""

from __future__ import annotations

import keras
import recipe
import tensorflow as tf
from dataset import Dataset


def training(photos: Dataset, *, seed: int, steps: range, shard: int = 0, shards: int = 1) -> tf.data.Dataset:
    """The batches of these steps, each `recipe.BATCH` large: (views float32 [N, H, W, 3], expected [N, classes]).

    Of several shards it is every so-manieth photo of each batch. A batch is always full: where a pass over the photos
    ends within it, the next pass begins.
    """
    images = tf.constant(photos.images)  # in memory, as they were read: nothing is decoded twice
    expected = _one_hot(photos)
    count = len(photos.images)
    strength = recipe.strength(steps.stop, count)

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        positions = step * recipe.BATCH + tf.range(shard, recipe.BATCH, shards, dtype=tf.int64)
        chosen = _shuffled(positions, count, seed)
        views = recipe.augment(tf.gather(images, chosen), tf.stack([seed, step * shards + shard]), strength)
        return views, tf.gather(expected, chosen)

    numbers = tf.data.Dataset.range(steps.start, steps.stop)
    return numbers.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def validation(photos: Dataset, *, shard: int = 0, shards: int = 1) -> tf.data.Dataset:
    """The photos as they are, in their order; of several shards, every so-manieth batch."""
    batches = tf.data.Dataset.from_tensor_slices((photos.images, _one_hot(photos))).batch(recipe.BATCH)
    own = batches.shard(shards, shard).map(lambda images, expected: (tf.cast(images, tf.float32), expected))
    return own.cache().prefetch(tf.data.AUTOTUNE)


def _shuffled(positions: tf.Tensor, count: int, seed: int) -> tf.Tensor:
    """The photo at each position of an endless row of passes, each of which shows all photos in an order of its own."""
    passes = positions // count
    seeds = tf.stack([tf.fill(tf.shape(passes), tf.constant(seed, tf.int64)), passes, tf.zeros_like(passes)], axis=1)
    return tf.raw_ops.RandomIndexShuffle(
        index=positions % count, seed=seeds, max_index=tf.constant(count - 1, tf.int64)
    )


def _one_hot(photos: Dataset) -> tf.Tensor:
    return tf.constant(keras.utils.to_categorical(photos.classes, len(photos.labels)), tf.float32)
