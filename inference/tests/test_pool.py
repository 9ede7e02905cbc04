from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from animal_classifier.metrics import Metrics
from animal_classifier.model import Classifier, Probabilities
from animal_classifier.pool import Pool
from animal_classifier.preprocessing import CorruptImageError, Photo

from .colour_model import LABELS
from .pictures import encode, plain

PHOTOS = {label: encode(plain(label), "PNG") for label in LABELS}


class Watched(Classifier):
    """Notes what it is given; it can be made to wait, and to fail."""

    def __init__(self, folder: Path) -> None:
        self.batches: list[list[str]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.begun = threading.Semaphore(0)
        self.failure: Exception | None = None
        super().__init__(folder)
        # It has tried itself with a black image.
        self.batches.clear()
        self.begun = threading.Semaphore(0)

    def classify(self, pixels: npt.NDArray[np.float32]) -> Probabilities:
        probabilities = super().classify(pixels)
        self.batches.append([LABELS[best] for best in probabilities.argmax(axis=1)])
        self.begun.release()
        assert self.go_on.wait(20)
        if self.failure:
            raise self.failure
        return probabilities


@pytest.fixture
def classifier(model: Path) -> Watched:
    return Watched(model)


@contextmanager
def running(classifier: Classifier, *, threads: int = 1, max_batch: int = 8) -> Iterator[Pool]:
    pool = Pool(classifier, Metrics(), threads=threads, max_batch=max_batch)
    try:
        yield pool
    finally:
        pool.close()


async def labels(answers: list[Awaitable[Probabilities]]) -> list[str]:
    return [LABELS[int(row.argmax())] for row in await asyncio.gather(*answers)]


def while_busy(classifier: Watched, pool: Pool, then: Callable[[], Awaitable[None]]) -> None:
    """Run something while every thread of a pool has a photo in hand, which it then finishes."""

    async def run() -> None:
        classifier.go_on.clear()
        in_hand = [pool.classify(PHOTOS["cats"]) for _ in pool._threads]
        for _ in in_hand:
            assert await asyncio.to_thread(classifier.begun.acquire, timeout=20)
        await then()
        await asyncio.gather(*in_hand)

    asyncio.run(run())


def test_what_waits_is_classified_together_in_its_order(classifier: Watched) -> None:
    with running(classifier, max_batch=4) as pool:

        async def then() -> None:
            order = ["dogs", "pandas", "cats", "dogs", "pandas", "pandas"]
            answers: list[Awaitable[Probabilities]] = [pool.classify(PHOTOS[label]) for label in order]
            classifier.go_on.set()
            assert await labels(answers) == order

        while_busy(classifier, pool, then)
    assert classifier.batches == [["cats"], ["dogs", "pandas", "cats", "dogs"], ["pandas", "pandas"]]


def test_threads_share_what_waits(classifier: Watched) -> None:
    with running(classifier, threads=2) as pool:

        async def then() -> None:
            answers: list[Awaitable[Probabilities]] = [pool.classify(PHOTOS["dogs"]) for _ in range(8)]
            classifier.go_on.set()
            await labels(answers)

        while_busy(classifier, pool, then)
    batches = classifier.batches[2:]
    assert sum(map(len, batches)) == 8
    assert max(map(len, batches)) <= 4


def test_a_bad_photo_costs_itself_alone(classifier: Watched) -> None:
    with running(classifier) as pool:

        async def then() -> None:
            bad = pool.classify(PHOTOS["dogs"][:50])
            good: list[Awaitable[Probabilities]] = [pool.classify(PHOTOS[label]) for label in ("dogs", "pandas")]
            classifier.go_on.set()
            with pytest.raises(CorruptImageError):
                await bad
            assert await labels(good) == ["dogs", "pandas"]

        while_busy(classifier, pool, then)


def test_a_failure_of_the_model_reaches_who_asked_and_ends_no_thread(classifier: Watched) -> None:
    async def run(pool: Pool) -> None:
        classifier.failure = RuntimeError("out of order")
        with pytest.raises(RuntimeError, match="out of order"):
            await pool.classify(PHOTOS["dogs"])
        classifier.failure = None
        assert await labels([pool.classify(PHOTOS["dogs"])]) == ["dogs"]

    with running(classifier) as pool:
        asyncio.run(run(pool))


def test_what_was_given_up_is_not_worked_on(classifier: Watched) -> None:
    with running(classifier) as pool:

        async def then() -> None:
            given_up = pool.classify(PHOTOS["pandas"])
            given_up.cancel()
            wanted = pool.classify(PHOTOS["dogs"])
            classifier.go_on.set()
            assert await labels([wanted]) == ["dogs"]

        while_busy(classifier, pool, then)
    assert classifier.batches == [["cats"], ["dogs"]]


def test_at_the_end_all_that_waits_is_finished(classifier: Watched) -> None:
    async def run() -> None:
        with running(classifier, threads=2, max_batch=2) as pool:
            answers: list[Awaitable[Probabilities]] = [pool.classify(PHOTOS["dogs"]) for _ in range(20)]
            await asyncio.to_thread(pool.close)
        assert await labels(answers) == ["dogs"] * 20

    asyncio.run(run())


def test_heavy_photos_are_decoded_one_at_a_time_and_light_ones_meanwhile(
    classifier: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    heavy_at_once, most, decoding = 0, 0, threading.Event()
    light_done, share = threading.Event(), 32 * 2**20
    prepare, lock = Photo.prepare, threading.Lock()

    def watched(photo: Photo) -> object:
        nonlocal heavy_at_once, most
        if photo.memory <= share:
            return prepare(photo)
        with lock:
            heavy_at_once += 1
            most = max(most, heavy_at_once)
        decoding.set()
        assert light_done.wait(20)
        image = prepare(photo)
        with lock:
            heavy_at_once -= 1
        return image

    monkeypatch.setattr(Photo, "prepare", watched)
    heavy = encode(plain("pandas", (2000, 1100)), "PNG")
    assert Photo(heavy, width=16, height=16).memory > share

    async def run(pool: Pool) -> None:
        heavies: list[Awaitable[Probabilities]] = [pool.classify(heavy) for _ in range(4)]
        assert await asyncio.to_thread(decoding.wait, 20)
        lights: list[Awaitable[Probabilities]] = [pool.classify(PHOTOS["dogs"]) for _ in range(4)]
        assert await labels(lights) == ["dogs"] * 4
        light_done.set()
        assert await labels(heavies) == ["pandas"] * 4

    with running(classifier, threads=2) as pool:
        assert pool.share == share
        asyncio.run(run(pool))
    assert most == 1
