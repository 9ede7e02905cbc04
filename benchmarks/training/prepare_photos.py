"""Prepares photos as the data preparation and the service do: `python prepare_photos.py SOURCE FILE.npz`.

Run by the training's environment, whose Pillow is the service's, with the service's preprocessing on its path.
"""

from __future__ import annotations

import sys
from pathlib import Path

import baseline
import numpy as np
from preprocessing import prepare


def write(source: Path, file: Path) -> None:
    """Write the photos in `source`/<label> to a file: images [N, side, side, 3] uint8, classes [N] and labels."""
    labels = sorted(path.name for path in source.iterdir() if path.is_dir())
    images, classes = [], []
    for number, label in enumerate(labels):
        for path in sorted((source / label).iterdir()):
            with path.open("rb") as photo:
                images.append(np.asarray(prepare(photo, width=baseline.SIDE, height=baseline.SIDE)))
            classes.append(number)
    np.savez(file, images=np.stack(images), classes=np.array(classes, dtype=np.int64), labels=np.array(labels))


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
