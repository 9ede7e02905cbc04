"""Reads folders of labelled images of one size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image


class DatasetError(Exception):
    """Images that can't be trained on; the text says why."""


@dataclass(frozen=True)
class Dataset:
    """Images and their classes, as numbers that index `labels`."""

    labels: list[str]
    images: npt.NDArray[np.uint8]
    """[N, H, W, 3], RGB"""
    classes: npt.NDArray[np.int64]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.images.shape[1], self.images.shape[2]

    @classmethod
    def read(cls, folder: Path) -> Dataset:
        """The images in `folder`/<label>/*.png."""
        labels = sorted(path.name for path in folder.iterdir() if path.is_dir())
        if len(labels) < 2:  # noqa: PLR2004 - there is nothing to tell apart
            raise DatasetError(f"{folder}: {len(labels)} folders of images; at least 2 are needed, one a label")
        images: list[npt.NDArray[np.uint8]] = []
        classes: list[int] = []
        for number, label in enumerate(labels):
            paths = sorted((folder / label).glob("*.png"))
            if not paths:
                raise DatasetError(f"{folder / label}: there is no image of {label!r}")
            for path in paths:
                with Image.open(path) as image:
                    pixels = np.asarray(image)
                if pixels.ndim != 3 or pixels.shape[2] != 3:  # noqa: PLR2004 - height, width and three colours
                    raise DatasetError(f"{path}: not an RGB image; prepare the images first")
                if images and pixels.shape != images[0].shape:
                    raise DatasetError(f"{path}: of another size than the images before it; prepare all at one size")
                images.append(pixels)
                classes.append(number)
        return cls(labels, np.stack(images), np.array(classes, dtype=np.int64))


def fingerprint(folder: Path) -> str:
    """SHA-256 of the images in `folder`/<label>/*.png and of their names: the same for the same images everywhere."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*/*.png"), key=lambda path: path.relative_to(folder).as_posix()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def check_alike(training: Dataset, testing: Dataset) -> None:
    """Make sure that the testing data can test what the training data teaches."""
    if training.labels != testing.labels:
        raise DatasetError(f"the labels differ: {training.labels} to train on and {testing.labels} to test on")
    if training.size != testing.size:
        raise DatasetError(f"the sizes differ: {training.size} to train on and {testing.size} to test on")
