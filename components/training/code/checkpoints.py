"""Checkpoints: what a training needs to go on as if it had never been interrupted."""

from __future__ import annotations

import io
import json
import logging
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workers import Values

log = logging.getLogger("training")

KEPT = 2
"""The last one, and the one before it, should the last be torn."""


class CheckpointError(Exception):
    """Checkpoints that this training can't go on from; the text says why and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch."""

    epoch: int
    values: Values
    """Of all variables, in their order."""
    best: Values
    """The best weights so far; none where none are kept."""
    notes: dict[str, Any]
    """What else is to be remembered, as JSON."""


@dataclass(frozen=True)
class Checkpoints:
    """A folder of checkpoints of one training, which is told from others by `identity`."""

    folder: Path
    identity: dict[str, Any]

    def write(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint: it is there in full or not at all; older ones than the one before it go."""
        self.folder.mkdir(parents=True, exist_ok=True)
        meta = {"identity": self.identity, "epoch": checkpoint.epoch, "notes": checkpoint.notes}
        arrays = {f"value{number}": value for number, value in enumerate(checkpoint.values)}
        arrays |= {f"best{number}": value for number, value in enumerate(checkpoint.best)}
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, meta=np.array(json.dumps(meta)), **arrays)
        path = self.folder / f"checkpoint-{checkpoint.epoch:06}.npz"
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        for old in self._paths()[KEPT:]:
            old.unlink()

    def last(self) -> Checkpoint | None:
        """The last whole checkpoint, if there is any; raises `CheckpointError` if it is of another training."""
        for path in self._paths():
            try:
                checkpoint, identity = _read(path)
            except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
                aside = path.with_suffix(".damaged")
                log.warning("%s is damaged (%s); it is left aside as %s", path, error, aside.name)
                path.replace(aside)
                continue
            self._check(path, identity)
            return checkpoint
        return None

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoint-*.npz"), reverse=True)

    def _check(self, path: Path, identity: dict[str, Any]) -> None:
        names = self.identity.keys() | identity.keys()
        for name in sorted(names):
            own, other = self.identity.get(name), identity.get(name)
            if own != other:
                raise CheckpointError(
                    f"{path} is of another training: its {name} is {other!r}, here it is {own!r}; "
                    "name another checkpoint folder, or empty this one"
                )


def _read(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    # The zip file has a checksum of each array, and its table at the end: whatever is torn or altered is found.
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    meta = json.loads(str(arrays["meta"]))
    values = [arrays[f"value{number}"] for number in range(_count(arrays, "value"))]
    best = [arrays[f"best{number}"] for number in range(_count(arrays, "best"))]
    return Checkpoint(meta["epoch"], values, best, meta["notes"]), meta["identity"]


def _count(arrays: dict[str, Any], kind: str) -> int:
    return sum(name.startswith(kind) for name in arrays)
