"""The machine's limit: decoding and inference of the service, in as many processes as cores and with no HTTP.

Run by the service's own environment with its code on the path: `python limit.py MODEL PHOTOS SECONDS BATCH` prints the
photos a second. PHOTOS is a folder of files, MODEL one as the service takes it.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
import time
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
from animal_classifier.model import Classifier
from animal_classifier.preprocessing import prepare

_START_SECONDS = 60


@dataclass(frozen=True)
class Task:
    """What each process does."""

    model: Path
    photos: Path
    seconds: float
    batch: int


def work(task: Task, start: Barrier, done: multiprocessing.Queue[int]) -> None:
    """Classify the photos over and over for so long, from the moment when all processes are ready."""
    classifier = Classifier(task.model)
    photos = [path.read_bytes() for path in sorted(task.photos.iterdir())]
    count = 0
    start.wait(_START_SECONDS)
    until = time.perf_counter() + task.seconds
    while time.perf_counter() < until:
        chosen = (photos[(count + number) % len(photos)] for number in range(task.batch))
        # As the service does it: each photo is decoded on its own, and those of a batch are classified together.
        pixels = [prepare(io.BytesIO(one), width=classifier.width, height=classifier.height) for one in chosen]
        for probabilities in classifier.classify(np.stack([np.asarray(one, dtype=np.float32) for one in pixels])):
            classifier.prediction(probabilities)
        count += task.batch
    done.put(count)


def main(task: Task) -> float:
    """Photos a second of all processes together."""
    context = multiprocessing.get_context("spawn")
    cores = len(os.sched_getaffinity(0))
    start, done = context.Barrier(cores), context.Queue()
    processes = [context.Process(target=work, args=(task, start, done)) for _ in range(cores)]
    for process in processes:
        process.start()
    total: int = sum(done.get(timeout=_START_SECONDS + task.seconds) for _ in processes)
    for process in processes:
        process.join()
    return total / task.seconds


if __name__ == "__main__":
    model, photos, seconds, batch = sys.argv[1:]
    print(main(Task(Path(model), Path(photos), float(seconds), int(batch))))  # noqa: T201 - its answer
