"""How the network is trained: every number that decides how good it becomes, and why it is what it is.

`fitting.py` does the training: it asks here for the steps of so many epochs, the optimizer, the loss and the views.
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf

BATCH = 16

VIEWS = 3
"""How often an epoch shows each image, every time moved and flipped otherwise: the photos are few."""

LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
LABEL_SMOOTHING = 0.1

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises; it falls along a cosine after that."""

SHIFT = 1 / 16
"""How far a photo is moved at most, up or down, left or right: a share of its size."""

ZOOM = (0.8, 1.1)
"""How much of a photo's height and width is seen: less than 1 enlarges, more shows its mirrored margins."""


def steps_per_epoch(images: int) -> int:
    """Steps of the optimizer in an epoch of that many images; the last one's batch may be smaller."""
    return math.ceil(VIEWS * images / BATCH)


def schedule(steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate over so many steps, of all epochs together: it has reached 0 when they are over."""
    rising = max(1, round(WARM_UP * steps))
    return keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 20, max(1, steps - rising), warmup_target=LEARNING_RATE, warmup_steps=rising
    )


def optimizer(steps: int) -> keras.optimizers.Optimizer:
    """What makes so many steps, of all epochs together."""
    return keras.optimizers.AdamW(schedule(steps), weight_decay=WEIGHT_DECAY)


def loss() -> keras.losses.Loss:
    """What is made small; the expected answers are one-hot, [N, classes]."""
    return keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING)


def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """A view of each image, flipped, moved and zoomed by chance: [N, H, W, 3] of any type in, float32 out.

    `seed` is two integers, another pair for each batch: the like seed gives the like views, wherever and in whatever
    order they are made, so a data pipeline may make several at a time.
    """
    images = tf.cast(images, tf.float32)
    count, height, width = tf.shape(images)[0], tf.shape(images)[1], tf.shape(images)[2]
    middle_x, middle_y = tf.cast(width - 1, tf.float32) / 2, tf.cast(height - 1, tf.float32) / 2
    draws = tf.random.stateless_uniform([4, count], seed)
    zoom = ZOOM[0] + draws[0] * (ZOOM[1] - ZOOM[0])
    zoom_x = tf.where(draws[1] < 0.5, -zoom, zoom)  # noqa: PLR2004 - one of two is flipped
    shift_x = (draws[2] * 2 - 1) * SHIFT * tf.cast(width, tf.float32)
    shift_y = (draws[3] * 2 - 1) * SHIFT * tf.cast(height, tf.float32)
    nothing = tf.zeros_like(zoom)
    # Where in the image each pixel of the view comes from, as a projective transform has it: x' = a x + b y + c.
    rows = [zoom_x, nothing, middle_x * (1 - zoom_x) + shift_x, nothing, zoom, middle_y * (1 - zoom) + shift_y]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([*rows, nothing, nothing], axis=1),
        output_shape=[height, width],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
