"""Takes the validation part out of the training photos."""

from __future__ import annotations

import numpy as np
from dataset import Dataset, DatasetError


def split(photos: Dataset, percentage: int, *, seed: int) -> tuple[Dataset, Dataset | None]:
    """The photos to train on, and those to validate on: of each label the like share, chosen by the seed.

    At least one of each label is taken; at 0 percent there are none to validate on. Raises `DatasetError` if nothing
    of a label would be left to train on.
    """
    if percentage == 0:
        return photos, None
    chance = np.random.default_rng(seed)
    taken = np.zeros(len(photos.classes), dtype=bool)
    for number, label in enumerate(photos.labels):
        own = np.flatnonzero(photos.classes == number)
        count = max(1, round(len(own) * percentage / 100))
        if count >= len(own):
            raise DatasetError(
                f"{percentage} percent of the {len(own)} images of {label!r} to validate on would leave none to train "
                "on; give more images or validation_percentage 0"
            )
        taken[chance.permutation(own)[:count]] = True
    return _part(photos, ~taken), _part(photos, taken)


def _part(photos: Dataset, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Dataset:
    return Dataset(photos.labels, photos.images[chosen], photos.classes[chosen])
