"""Drawn cats, dogs and pandas, for those who have no photos: alike enough to learn from, varied enough to be a task."""

from __future__ import annotations

import io
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from sandbox.animals.scene import Scene
from sandbox.animals.species import SPECIES

__all__ = ["draw_animal", "draw_animals"]


def draw_animal(species: str, *, seed: int, number: int) -> bytes:
    """One picture as JPEG: the same species, seed and number always give the same one."""
    scene = Scene(SPECIES[species], f"{seed}/{species}/{number}")
    file = io.BytesIO()
    scene.photo().save(file, "JPEG", quality=scene.random.randint(65, 95))
    return file.getvalue()


def draw_animals(folder: Path, *, count: int, seed: int) -> None:
    """Draw `count` pictures of each species to `folder`/<species>/<species>_<number>.jpg, on all processors."""
    for species in SPECIES:
        (folder / species).mkdir(parents=True, exist_ok=True)
    # Not forked: the caller may have threads, such as those that show its progress.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        for species in SPECIES:
            # Reading the results is what raises a worker's error.
            list(pool.map(partial(_write, folder, species, seed), range(1, count + 1), chunksize=25))


def _write(folder: Path, species: str, seed: int, number: int) -> None:
    file = folder / species / f"{species}_{number:05}.jpg"
    file.write_bytes(draw_animal(species, seed=seed, number=number))
