"""When a training has learnt what it can: early stopping, and the best weights until then."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers import Values


@dataclass
class EarlyStopping:
    """Ends a training after `patience` epochs without a lower validation loss, and keeps the weights of the lowest.

    A schedule no longer than the patience is left alone: its learning rate falls to 0 at its end, so the last weights
    are the ones to keep, and a validation part of few photos would choose others by mere chance.
    """

    patience: int
    epochs: int
    best_epoch: int = 0
    best_loss: float = math.inf
    best_weights: Values = field(default_factory=list)

    @property
    def on(self) -> bool:
        """Whether it may end this training at all; 0 turns it off."""
        return 0 < self.patience < self.epochs

    def better(self, loss: float) -> bool:
        """Whether no epoch had so low a loss."""
        return self.on and loss < self.best_loss

    def keep(self, epoch: int, loss: float, weights: Values) -> None:
        """Remember the best so far."""
        self.best_epoch, self.best_loss, self.best_weights = epoch, loss, weights

    def over(self, epoch: int) -> bool:
        """Whether the patience is over after this epoch, counted from 1."""
        return self.on and epoch - self.best_epoch >= self.patience
