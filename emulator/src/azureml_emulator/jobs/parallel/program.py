"""Placeholder until PARALLEL lands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .specification import ParallelWork


def arguments(
    work: ParallelWork, inputs: Mapping[str, str], outputs: Mapping[str, str], folder: Path, python: Path
) -> list[str]:
    """Refuse."""
    raise ValueError(f"parallel tasks are not run yet ({work}, {inputs}, {outputs}, {folder}, {python})")
