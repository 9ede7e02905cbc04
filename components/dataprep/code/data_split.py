"""Splits folders of labelled images into training and testing data, with the same share of each label in both."""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger("data_split")


class SplitError(Exception):
    """What keeps the images from being split, in one line."""


def labelled_images(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """The images of all folders by their label, which is the name of the folder that they lie in."""
    images: dict[str, list[Path]] = {}
    origin: dict[str, Path] = {}
    for folder in folders:
        labels = sorted(path for path in folder.iterdir() if path.is_dir())
        if not labels:
            raise SplitError(f"{folder}: there is no folder of prepared images, named after their label")
        for label in labels:
            if label.name in images:
                raise SplitError(
                    f"both {origin[label.name]} and {folder} hold images of {label.name!r}; give each its own label"
                )
            origin[label.name] = folder
            images[label.name] = sorted(label.glob("*.png"))
            if not images[label.name]:
                raise SplitError(f"{label}: there is no prepared image of {label.name!r}")
    return images


def draw(images: Sequence[Path], *, label: str, percentage: int, seed: int) -> tuple[list[Path], list[Path]]:
    """Draw the testing images of one label; returns training and testing images, at least one of each."""
    if len(images) < 2:  # noqa: PLR2004 - one to train on, one to test on
        raise SplitError(
            f"{label!r} has {len(images)} image; at least 2 are needed, to train on one and test on another"
        )
    # By the names alone, which carry the content's digest: it is all the same where and in which order the files lie.
    shuffled = sorted(images, key=lambda path: path.name)
    random.Random(f"{seed} {label}").shuffle(shuffled)  # noqa: S311 - not a secret
    testing = min(max(round(len(images) * percentage / 100), 1), len(images) - 1)
    return sorted(shuffled[testing:]), sorted(shuffled[:testing])


def split(folders: Sequence[Path], training: Path, testing: Path, *, percentage: int, seed: int) -> None:
    """Copy the images of all folders to `training`/<label> and `testing`/<label>."""
    if not 0 < percentage < 100:  # noqa: PLR2004 - percent
        raise SplitError(f"train_test_split_percentage is {percentage}; it must be from 1 to 99, the share to test on")
    for label, images in labelled_images(folders).items():
        for target, part in zip(
            (training, testing), draw(images, label=label, percentage=percentage, seed=seed), strict=True
        ):
            folder = target / label
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise SplitError(f"{folder}: the output folder is not empty; old images would mix with new ones")
            for image in part:
                shutil.copyfile(image, folder / image.name)
            log.info("%s: %d images to %s", label, len(part), target)


def main() -> None:
    """Read the command line and split."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--animals", type=Path, nargs="+", required=True)
    parser.add_argument("--train-test-split-percentage", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--training-data", type=Path, required=True)
    parser.add_argument("--testing-data", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        split(
            arguments.animals,
            arguments.training_data,
            arguments.testing_data,
            percentage=arguments.train_test_split_percentage,
            seed=arguments.seed,
        )
    except SplitError as error:
        sys.exit(f"data_split: {error}")


if __name__ == "__main__":
    main()
