"""How the network is trained: every number that decides how good it becomes, and why it is what it is.

`fitting.py` does the training: it asks here for the steps of so many epochs, the optimizer, the loss and the views.
The numbers were chosen on several splits of 1,200 photos of three classes at 64 x 64, at equal time.
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf

BATCH = 32
"""More photos a step gave no better network in the like time, and leave a short training too few steps."""

VIEWS = 3
"""How often an epoch shows each image, every time moved and flipped otherwise: the photos are few."""

LEARNING_RATE = 6e-3
"""High, as a short training has but some hundred steps, and batch normalisation bears it."""

WEIGHT_DECAY = 0.1
"""A share of the learning rate; it tells only in a long training, where the weights would grow."""

LABEL_SMOOTHING = 0.1
"""Few photos are soon known by heart; this keeps the network from being sure of it."""

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises; it falls along a cosine after that, to 0 at the last step."""

LARGEST_VIEW = 1.05
"""How much of a photo's height and width a view shows at most; above 1 the photo's margins are mirrored."""

# How much the views differ, each with hardly any passes over the photos and with LONG_TRAINING of them: views that
# differ much are learnt slowly, views that differ little are soon known by heart. Between the two it is in proportion.
LONG_TRAINING = 60
SMALLEST_VIEW = (0.65, 0.5)
SATURATION = (0.25, 0.4)
"""By how much of itself it is raised or lowered at most; contrast likewise."""
CONTRAST = (0.15, 0.3)
BRIGHTNESS = (0.025, 0.1)
"""By how much of the whole range a view is made brighter or darker at most."""
HIDDEN = (0.0, 0.35)
"""Side of the grey square that hides a part of each view, as a share of the view's: no single mark may decide."""

GREY = 127.5
"""The middle of the range, which the network sees as 0."""


def steps_per_epoch(images: int) -> int:
    """Steps of the optimizer in an epoch of that many images."""
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


def strength(steps: int, images: int) -> float:
    """How much the views differ in a training of so many steps on so many images: from 0 to 1."""
    return min(1.0, steps * BATCH / images / LONG_TRAINING)


def augment(images: tf.Tensor, seed: tf.Tensor, strength: float = 1.0) -> tf.Tensor:
    """A view of each image, flipped, cropped, coloured and partly hidden by chance: [N, H, W, 3] in, float32 out.

    `seed` is two integers, another pair for each batch: the like seed gives the like views, wherever and in whatever
    order they are made, so a data pipeline may make several at a time.
    """
    chances = tf.random.stateless_uniform([9, tf.shape(images)[0]], seed, minval=-1.0)
    views = _cropped(tf.cast(images, tf.float32), chances[:4], _between(SMALLEST_VIEW, strength))
    views = _coloured(views, chances[4:7], strength)
    return _partly_hidden(views, chances[7:], _between(HIDDEN, strength))


def _between(ends: tuple[float, float], strength: float) -> float:
    return ends[0] + strength * (ends[1] - ends[0])


def _cropped(images: tf.Tensor, chances: tf.Tensor, smallest: float) -> tf.Tensor:
    """Flip, zoom and shift all images by one projective transform; Keras' random layers make one each."""
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    middle_x, middle_y = tf.cast(width - 1, tf.float32) / 2, tf.cast(height - 1, tf.float32) / 2
    zoom = (LARGEST_VIEW + smallest + chances[0] * (LARGEST_VIEW - smallest)) / 2
    margin = tf.maximum(0.0, 1 - zoom)  # what is left of the photo around the view
    zoom_x = tf.where(chances[1] < 0, -zoom, zoom)
    shift_x, shift_y = chances[2] * margin * (middle_x + 0.5), chances[3] * margin * (middle_y + 0.5)
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


def _coloured(images: tf.Tensor, chances: tf.Tensor, strength: float) -> tf.Tensor:
    """Change saturation, contrast and brightness."""
    saturation, contrast, brightness = tf.unstack(chances[:, :, None, None, None])
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    images = grey + (images - grey) * (1 + _between(SATURATION, strength) * saturation)
    mean = tf.reduce_mean(grey, axis=[1, 2], keepdims=True)
    images = mean + (images - mean) * (1 + _between(CONTRAST, strength) * contrast)
    return images + 255 * _between(BRIGHTNESS, strength) * brightness


def _partly_hidden(images: tf.Tensor, chances: tf.Tensor, side: float) -> tf.Tensor:
    """Cover a square of each image; at the margins a part of it falls outside (Cutout, arXiv:1708.04552)."""
    down = _covered(tf.shape(images)[1], chances[0], side)
    across = _covered(tf.shape(images)[2], chances[1], side)
    return tf.where(down[:, :, None, None] & across[:, None, :, None], GREY, images)


def _covered(length: tf.Tensor, chance: tf.Tensor, side: float) -> tf.Tensor:
    """Which places of a length lie in the square, [N, length]."""
    places = (tf.cast(tf.range(length), tf.float32) + 0.5) / tf.cast(length, tf.float32)
    middles = (chance + 1) / 2
    return tf.abs(places - middles[:, None]) < side / 2
