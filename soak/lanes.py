"""Lanes of a soak: each has an emulator of its own, and takes its share of the kills or runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Came = TypeVar("Came")

LANES = min(2, os.cpu_count() or 1)
"""How many there are side by side at full size."""


def side_by_side(run: Callable[[int, int], Came], size: int, lanes: int) -> list[Came]:
    """What came of each lane: `run` is called with its number, from 0 on, and its share of `size`, in a thread each."""
    lanes = min(lanes, size)
    share = [size // lanes + (number < size % lanes) for number in range(lanes)]
    with ThreadPoolExecutor(lanes) as pool:
        return list(pool.map(run, range(lanes), share))
