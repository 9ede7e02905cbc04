"""Uploads of every kind of damage to the running service: none may cost more than its own answer."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sandbox.processes import SandboxError

from . import service, wire
from .cases import Case, case
from .client import Answer, Client, connected
from .pictures import good

FULL = 100_000
"""Uploads of the full size."""

CONNECTIONS = 6
MOST_SECONDS = 10.0
"""An answer that takes longer than that is a mistake."""
MOST_GROWTH = 16 * 10**6
"""Bytes of PSS by which the last fifth of the samples may lie above the second; a shorter soak than `FULL` tells none.

In the first fifth allocators get what they keep: about 20,000 uploads have been of every kind at every place.
"""

_GOOD_EVERY = 50
_TOLD_EVERY = 5000
_SAMPLED_EVERY = 0.5
_OK, _FIRST_ERROR, _FIRST_OF_THE_SERVER, _OVERLOADED = 200, 400, 500, 503


@dataclass
class Outcome:
    """What came of the uploads."""

    answers: Counter[int] = field(default_factory=Counter)
    """By status, 0 being none."""
    kinds: Counter[str] = field(default_factory=Counter)
    good_answers: int = 0
    slowest: tuple[float, str] = (0.0, "")
    samples: list[service.Sample] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def growth(self) -> float | None:
        """Bytes of PSS between the second fifth of the samples and the last, each by its median; None if too few."""
        fifth = len(self.samples) // 5
        if self.answers.total() < FULL or not fifth:
            return None
        early, late = self.samples[fifth : 2 * fifth], self.samples[-fifth:]
        return statistics.median(s.pss for s in late) - statistics.median(s.pss for s in early)

    def workers_lost(self) -> int:
        """Processes that were there at first, and are no more at the end, or the other way round."""
        return len(self.samples[0].processes ^ self.samples[-1].processes)

    def mistakes(self) -> list[str]:
        """A line for each thing that was found wrong."""
        found = list(self.wrong)
        if self.workers_lost():
            found.append(f"{self.workers_lost()} of the service's processes were lost or replaced")
        if (growth := self.growth() or 0) > MOST_GROWTH:
            found.append(f"the service's memory grew by {growth / 1e6:.0f} MB")
        return found


def fuzz(folder: Path, uploads: int, seed: int, tell: Callable[[str], object] = str) -> Outcome:
    """Send so many to a service of its own. Requests that were answered wrongly are kept in `folder`."""
    with service.running(folder) as served:
        fuzzer = Fuzzer(served, folder, seed, tell)
        outcome = fuzzer.run(uploads)
    outcome.wrong += [f"in the service's log: {line}" for line in served.complaints()]
    return outcome


class Fuzzer:
    """Several connections that take the cases of a plan from one another, and one thread that watches the service."""

    def __init__(self, served: service.Service, folder: Path, seed: int, tell: Callable[[str], object]) -> None:
        self.outcome = Outcome()
        self._served, self._folder, self._seed, self._tell = served, folder, seed, tell
        self._photo = wire.plain(good(), ("Content-Type", "image/jpeg"))
        self._expected = b""
        self._numbers = count()
        self._lock = threading.Lock()
        self._done = threading.Event()

    def run(self, uploads: int) -> Outcome:
        """Send the first so many cases of the plan."""
        with connected(self._served.host, self._served.port) as client:
            self._expected = client.ask(self._photo).content
            with ThreadPoolExecutor(CONNECTIONS + 1) as pool:
                watch = pool.submit(self._watch)
                lanes = [pool.submit(self._lane, uploads) for _ in range(CONNECTIONS)]
                try:
                    for lane in lanes:
                        lane.result()
                finally:
                    self._done.set()
                    watch.result()
            self._check_good(client, "at the end")
            if (ready := client.ask(wire.plain(b"", method="GET", path="/readyz"))).status != _OK:
                self._mistake(None, ready, "the service is not ready at the end")
        return self.outcome

    def _lane(self, uploads: int) -> None:
        with connected(self._served.host, self._served.port) as client:
            while (number := next(self._numbers)) < uploads:
                sent = case(self._seed, number)
                self._note(sent, client.ask(sent.request))
                if number % _GOOD_EVERY == 0:
                    self._check_good(client, f"after upload {number}")
                if number and number % _TOLD_EVERY == 0:
                    self._tell(f"{number} of {uploads} uploads: {len(self.outcome.wrong)} mistakes")

    def _note(self, sent: Case, answer: Answer) -> None:
        with self._lock:
            self.outcome.answers[answer.status] += 1
            self.outcome.kinds[sent.kind] += 1
            self.outcome.slowest = max(self.outcome.slowest, (answer.seconds, f"{sent.kind} ({sent.number})"))
        if wrong := _wrong(sent, answer):
            self._mistake(sent, answer, wrong)

    def _check_good(self, client: Client, when: str) -> None:
        """A good photo is answered as ever; a service that has too much to do may ask to come again."""
        deadline = time.monotonic() + MOST_SECONDS
        while (answer := client.ask(self._photo)).status == _OVERLOADED and time.monotonic() < deadline:
            self._done.wait(0.1)
        if (answer.status, answer.content) != (_OK, self._expected):
            self._mistake(None, answer, f"a good photo is not answered as before {when}")
        with self._lock:
            self.outcome.good_answers += 1

    def _watch(self) -> None:
        while not self._done.is_set():
            try:
                self.outcome.samples.append(self._served.sample())
            except SandboxError as error:
                self.outcome.wrong.append(str(error))
                return
            self._done.wait(_SAMPLED_EVERY)
        self.outcome.samples.append(self._served.sample())

    def _mistake(self, sent: Case | None, answer: Answer, wrong: str) -> None:
        name = f"seed {self._seed}, upload {sent.number} ({sent.kind})" if sent else f"seed {self._seed}"
        if sent:
            (self._folder / f"{sent.number}.http").write_bytes(b"".join(sent.request.pieces))
        with self._lock:
            self.outcome.wrong.append(
                f"{name}: {wrong}: {answer.status} {answer.kind} {answer.content[:200]!r} in {answer.seconds:.1f} s"
            )


def _wrong(sent: Case, answer: Answer) -> str | None:
    """What is wrong with an answer, if something is."""
    if answer.seconds > MOST_SECONDS:
        return "it took too long"
    if answer.status == 0:
        return "there is no answer" if sent.request.sound or not answer.went else None
    if answer.status >= _FIRST_OF_THE_SERVER and answer.status != _OVERLOADED:
        return "it is an error of the service"
    if answer.status >= _FIRST_ERROR and sent.request.sound and not answer.is_error_of(sent.request.path):
        return "the error is not as the service's are"
    if answer.status < _FIRST_ERROR and sent.refused:
        return "what is no photo is not refused"
    return None
