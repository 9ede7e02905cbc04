"""What a training is asked for, by its command line."""

from __future__ import annotations

import argparse
import functools
from dataclasses import dataclass
from pathlib import Path

import backbone
import network
from dataset import DatasetError
from fitting import Build

NONE = "none"


@dataclass(frozen=True)
class Folders:
    """Where a training reads and writes."""

    training: Path
    testing: Path
    output: Path
    checkpoints: Path | None


@dataclass(frozen=True)
class Settings:
    """What decides, with the photos and the code, which network comes out."""

    epochs: int
    seed: int
    validation_percentage: int
    patience: int
    backbone: str
    backbone_weights: Path | None

    def check(self) -> None:
        """Raise `DatasetError` for what no training can be made with."""
        if self.epochs < 1:
            raise DatasetError(f"epochs is {self.epochs}; at least 1 is needed")
        if not 0 <= self.validation_percentage <= 50:  # noqa: PLR2004 - half of the photos
            raise DatasetError(f"validation_percentage is {self.validation_percentage}; 0 to 50 can be had")
        if self.patience < 0:
            raise DatasetError(f"patience is {self.patience}; 0 turns the early stopping off, 1 is the least")

    @property
    def build(self) -> Build:
        """What makes the network."""
        if self.backbone == NONE:
            return network.build
        return functools.partial(backbone.build, weights=self.backbone_weights)

    @property
    def told(self) -> dict[str, str | int]:
        """As MLflow's parameters, and the identity of checkpoints."""
        return {
            "epochs": self.epochs,
            "seed": self.seed,
            "validation_percentage": self.validation_percentage,
            "patience": self.patience,
            "backbone": self.backbone,
        }


def read(description: str | None, given: list[str] | None = None) -> tuple[Folders, Settings]:
    """The command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--training-folder", type=Path, required=True)
    parser.add_argument("--testing-folder", type=Path, required=True)
    parser.add_argument("--output-folder", type=Path, required=True)
    parser.add_argument("--checkpoint-folder", type=Path)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--validation-percentage", type=int, default=0)
    parser.add_argument("--patience", type=int, default=0)
    parser.add_argument("--backbone", choices=(NONE, backbone.NAME), default=NONE)
    parser.add_argument("--backbone-weights", type=Path)
    found = parser.parse_args(given)
    folders = Folders(found.training_folder, found.testing_folder, found.output_folder, found.checkpoint_folder)
    asked = (found.epochs, found.seed, found.validation_percentage, found.patience)
    return folders, Settings(*asked, found.backbone, found.backbone_weights)
