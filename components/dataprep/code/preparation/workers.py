"""Worker processes that prepare photos; one that a photo ends costs that photo alone.

Each has pipes of its own, so that it is always known which photo a worker was at, and none waits for a lock that a
dead one holds. They are started as programs rather than by `multiprocessing`: that would fork a process with threads,
or import the caller's main module anew, and the caller may be Azure ML's runtime for parallel jobs.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from . import PreparationError
from .photo import Order, Outcome

AHEAD = 4
"""Photos that a worker has been given and has not answered for: it never waits for the next, and no more are held."""

_CODE = Path(__file__).resolve().parents[1]
_READ = 1 << 16


@dataclass(frozen=True)
class Photo:
    """A photo to prepare: the path of its file, and the name that it has in the report."""

    path: str
    name: str


class _Worker:
    """One process, and the photos that it has been given, in their order."""

    def __init__(self, order: Order) -> None:
        self.given: deque[Photo] = deque()
        self.ready = False
        self._rest = b""
        paths = (str(_CODE), os.environ.get("PYTHONPATH"))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "preparation.worker", json.dumps(asdict(order))],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise PreparationError("a worker process has no pipes")
        self._orders, self.answers_from = self._process.stdin, self._process.stdout

    def give(self, photo: Photo) -> None:
        self.given.append(photo)
        with contextlib.suppress(BrokenPipeError):  # It has ended: whoever reads its answers sees that.
            self._orders.write(json.dumps(photo.path).encode() + b"\n")
            self._orders.flush()

    def answers(self) -> list[object] | None:
        """What it has said since the last call; None once it has ended."""
        data = os.read(self.answers_from.fileno(), _READ)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> int:
        """Let go of it; its exit code, or minus the number of the signal that ended it."""
        with contextlib.suppress(BrokenPipeError):  # What it was still to be given.
            self._orders.close()
        self.answers_from.close()
        return self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self.close()


class Workers:
    """So many worker processes, to be used in a `with` statement, at whose end none is left.

    Attributes:
        restarts: how many workers have been replaced.

    """

    def __init__(self, count: int, order: Order) -> None:
        self.restarts = 0
        self._count = count
        self._order = order
        self._selector = selectors.DefaultSelector()
        self._workers: list[_Worker] = []
        self._waiting: deque[Photo] = deque()
        self._suspects: deque[Photo] = deque()

    def __enter__(self) -> Workers:
        for _ in range(self._count):
            self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.kill()
        self._workers.clear()
        self._selector.close()

    def run(self, photos: Iterable[Photo]) -> Iterator[Outcome]:
        """Prepare the photos; their outcomes come in any order. Raises PreparationError.

        No more than `AHEAD` photos for each worker are taken from `photos` before their outcomes have been given. A
        photo whose worker ends is tried once more after all others, with nothing else at work: only if it ends that one
        too, it was not for lack of memory or time that others took.
        """
        yield from self._work(iter(photos), suspect=True)
        while self._suspects:
            yield from self._work(iter([self._suspects.popleft()]), suspect=False)

    def _work(self, photos: Iterator[Photo], *, suspect: bool) -> Iterator[Outcome]:
        while self._feed(photos):
            for key, _ in self._selector.select():
                worker: _Worker = key.data
                answers = worker.answers()
                if answers is not None:
                    yield from self._outcomes(worker, answers)
                    continue
                code = self._replace(worker)
                if not worker.given:
                    continue
                photo = worker.given.popleft()
                self._waiting.extend(worker.given)
                if suspect:
                    self._suspects.append(photo)
                else:
                    yield Outcome(photo.name, None, self._told(code))

    def _feed(self, photos: Iterator[Photo]) -> bool:
        """Give every worker as much as it may hold; whether there is something to wait for."""
        for worker in self._workers:
            while worker.ready and len(worker.given) < AHEAD:
                photo = self._waiting.popleft() if self._waiting else next(photos, None)
                if photo is None:
                    return any(other.given for other in self._workers)
                worker.give(photo)
        return True

    def _outcomes(self, worker: _Worker, answers: list[object]) -> Iterator[Outcome]:
        for answer in answers:
            match answer:
                case None:
                    worker.ready = True
                case str():
                    raise PreparationError(answer)
                case [str() | None as digest, str() | None as reason]:
                    yield Outcome(worker.given.popleft().name, digest, reason)
                case _:
                    raise PreparationError(f"a worker process answers {answer!r}")

    def _start(self) -> None:
        worker = _Worker(self._order)
        self._workers.append(worker)
        self._selector.register(worker.answers_from, selectors.EVENT_READ, worker)

    def _replace(self, worker: _Worker) -> int:
        """Start another worker in the place of one that has ended; that one's exit code. Raises PreparationError."""
        self._selector.unregister(worker.answers_from)
        self._workers.remove(worker)
        code = worker.close()
        if not worker.ready:
            raise PreparationError(f"a worker process could not start: exit code {code}; its error is above")
        self.restarts += 1
        self._start()
        return code

    def _told(self, code: int) -> str:
        """Why a photo was left out that ended its worker."""
        if code == -signal.SIGALRM:
            return f"preparing it takes more than {self._order.limits.seconds:g} s"
        if code < 0:
            return f"its decoder ended the worker process by {signal.Signals(-code).name}"
        return f"its decoder ended the worker process with exit code {code}"
