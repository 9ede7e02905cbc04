"""The threads that decode and classify, and the one queue that they take photos from, first come, first served."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import numpy as np
import numpy.typing as npt

from .metrics import Metrics
from .model import Classifier, Pixels, Probabilities
from .preprocessing import MAX_PIXELS, Photo

_DECODING = 64 * 2**20
"""Bytes of memory that all threads may take to decode, besides what one photo of more than its share takes."""
_LEAST_SHARE = 4 * 2**20
"""However many threads there are; a progressive photo of a megapixel or two takes that much."""

_NICER = 5
"""How much nicer the threads are than the event loop; a third of its share where both want a core."""


@dataclass(slots=True, eq=False)
class _Job:
    """A photo until it is answered."""

    image: bytes | Pixels
    """A file, or what has been prepared: [height, width, 3]."""
    answer: asyncio.Future[Probabilities]
    put_off: bool = False
    outcome: Probabilities | Exception | None = None


class Pool:
    """Each thread decodes its photos and then classifies them together, which costs less by the photo.

    Decoding and the network both run outside Python's global lock. A batch is made of what waits already, shared out
    among the threads: a photo that comes alone is classified at once.
    """

    def __init__(
        self, classifier: Classifier, metrics: Metrics, *, threads: int, max_batch: int, max_pixels: int = MAX_PIXELS
    ) -> None:
        self._classifier = classifier
        self._metrics = metrics
        self._max_batch = max_batch
        self._max_pixels = max_pixels
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self.share = max(_DECODING // threads, _LEAST_SHARE)
        """Bytes of memory that a photo may take to be decoded at once; of others only one is decoded at a time."""
        self._heavy = _OneAtATime()
        self._busy_since: dict[int, float] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"predict-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def classify(self, image: bytes | Pixels) -> asyncio.Future[Probabilities]:
        """The probability of each label, for an image file or prepared pixels; to be awaited.

        Raises an `ImageError` for a file that can't be used.
        """
        job = _Job(image, asyncio.get_running_loop().create_future())
        self._queue.put(job)
        return job.answer

    @property
    def busy_for(self) -> float:
        """Seconds that the longest of the batches in hand has taken so far."""
        now = time.monotonic()
        return max((now - since for since in list(self._busy_since.values())), default=0.0)

    def close(self) -> None:
        """Finish all that was begun or waits, and end the threads."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        """What a thread does."""
        _give_way()
        while job := self._queue.get():
            self._busy_since[number] = time.monotonic()
            self._answer([job, *self._share_of_waiting()])
            while heavy := self._heavy.begin():
                self._busy_since[number] = time.monotonic()
                self._answer([heavy])
                self._heavy.end()
            del self._busy_since[number]

    def _share_of_waiting(self) -> list[_Job]:
        """Those of the jobs that wait which this thread should take besides."""
        jobs = []
        for _ in range(min(self._max_batch - 1, self._queue.qsize() // len(self._threads))):
            try:
                job = self._queue.get_nowait()
            except Empty:  # another thread was faster
                break
            if job is None:
                self._queue.put(None)  # the word to end, which must be the last that a thread hears
                break
            jobs.append(job)
        return jobs

    def _answer(self, jobs: list[_Job]) -> None:
        """Decode and classify; what is too heavy to be done at once is put off."""
        started = time.perf_counter()
        pixels = np.empty((len(jobs), self._classifier.height, self._classifier.width, 3), dtype=np.float32)
        decoded: list[_Job] = []
        for job in jobs:
            if self._is_decoded(job, pixels[len(decoded)]):
                decoded.append(job)
        if decoded:
            self._classify(decoded, pixels[: len(decoded)])
        if answered := [job for job in jobs if job.outcome is not None]:
            seconds = time.perf_counter() - started
            for _ in answered:
                self._metrics.seconds.observe(seconds)
            answered[0].answer.get_loop().call_soon_threadsafe(_deliver, answered)

    def _is_decoded(self, job: _Job, pixels: Pixels) -> bool:
        """Write the pixels of the photo; false if it failed, has been put off, or nobody waits for it any longer."""
        try:
            return not job.answer.cancelled() and self._decode(job, pixels)
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            job.outcome = error
            return False

    def _classify(self, jobs: list[_Job], pixels: npt.NDArray[np.float32]) -> None:
        try:
            for job, probabilities in zip(jobs, self._classifier.classify(pixels), strict=True):
                job.outcome = probabilities
        except Exception as error:  # noqa: BLE001 - the same
            for job in jobs:
                job.outcome = error

    def _decode(self, job: _Job, pixels: Pixels) -> bool:
        """Write the pixels of the photo; false if it has been put off."""
        if not isinstance(job.image, bytes):
            pixels[:] = job.image
            return True
        photo = Photo(
            job.image, width=self._classifier.width, height=self._classifier.height, max_pixels=self._max_pixels
        )
        if photo.memory > self.share and not job.put_off:
            job.put_off = True
            photo.close()
            self._heavy.put(job)
            return False
        pixels[:] = np.asarray(photo.prepare())
        return True


class _OneAtATime:
    """Jobs of which only one may be in hand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Job] = deque()
        self._in_hand = False

    def put(self, job: _Job) -> None:
        """Add a job; whoever puts one must ask to begin afterwards."""
        with self._lock:
            self._waiting.append(job)

    def begin(self) -> _Job | None:
        """The job whose turn it is; nothing if none waits or one is in hand, whose thread will ask again."""
        with self._lock:
            if self._in_hand or not self._waiting:
                return None
            self._in_hand = True
            return self._waiting.popleft()

    def end(self) -> None:
        """Tell that the job is done."""
        with self._lock:
            self._in_hand = False


def _give_way() -> None:
    """Let the event loop's thread go before this one, so that requests are read and refused however much there is."""
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICER)


def _deliver(jobs: list[_Job]) -> None:
    """On the event loop: hand the outcomes to who waits for them."""
    for job in jobs:
        if job.answer.done():  # given up meanwhile
            continue
        if isinstance(job.outcome, Exception):
            job.answer.set_exception(job.outcome)
        elif job.outcome is not None:
            job.answer.set_result(job.outcome)
