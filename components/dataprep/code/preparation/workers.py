"""Worker processes that prepare photos; one that a photo ends costs that photo alone.

Each has pipes of its own, so that it is always known which photos a worker was at, and none waits for a lock that a
dead one holds. They are started as programs rather than by `multiprocessing`: that would fork a process with threads,
or import the caller's main module anew, and the caller may be Azure ML's runtime for parallel jobs.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from . import PreparationError
from .order import Order
from .outcome import Outcome

GROUP = 8
"""Photos that are given and answered for together: talking about one takes a tenth of the time to prepare it."""

AHEAD = 2
"""Groups that a worker has been given and has not answered for: it never waits for the next, and no more are held."""

_SHARES = 4  # Near the end groups become smaller, so that no worker has much to do while the others have nothing.
_CODE = Path(__file__).resolve().parents[1]
_READ = 1 << 16


@dataclass(frozen=True)
class Photo:
    """A photo to prepare: the path of its file, and the name that it has in the report."""

    path: str
    name: str


Group = list[Photo]


class _Worker:
    """One process, and the groups that it has been given, in their order."""

    def __init__(self, order: Order) -> None:
        self.given: deque[Group] = deque()
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

    def give(self, group: Group) -> None:
        self.given.append(group)
        with contextlib.suppress(BrokenPipeError):  # It has ended: whoever reads its answers sees that.
            self._orders.write(json.dumps([photo.path for photo in group]).encode() + b"\n")
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
        self._waiting: deque[Group] = deque()
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

    def run(self, photos: Iterable[Photo], *, most: int) -> Iterator[Outcome]:
        """Prepare the photos, of which there are `most`; their outcomes come in any order. Raises PreparationError.

        No more than `AHEAD` groups for each worker are taken from `photos` before their outcomes have been given. The
        photos that a worker was at when it ended are tried again one by one, with nothing else at work: one that ends
        a worker then, too, did not do so for lack of memory or time that others took.
        """
        groups = self._groups(iter(photos), most)
        while True:
            yield from self._work(functools.partial(self._next, groups), self._suspect)
            if not self._suspects:
                return
            while self._suspects:
                alone = iter([[self._suspects.popleft()]])
                yield from self._work(functools.partial(next, alone, None), self._give_up)

    def _groups(self, photos: Iterator[Photo], most: int) -> Iterator[Group]:
        while group := list(itertools.islice(photos, max(1, min(GROUP, most // (_SHARES * self._count))))):
            most -= len(group)
            yield group

    def _next(self, groups: Iterator[Group]) -> Group | None:
        """The next group; none while there are photos to be tried alone, so that these never become many."""
        if self._suspects:
            return None
        return self._waiting.popleft() if self._waiting else next(groups, None)

    def _work(
        self, source: Callable[[], Group | None], lost: Callable[[Group, int], Iterator[Outcome]]
    ) -> Iterator[Outcome]:
        """Work until the source has no more; `lost` is told of the group and the exit code of a worker that ended."""
        while self._feed(source):
            for key, _ in self._selector.select():
                worker: _Worker = key.data
                answers = worker.answers()
                if answers is not None:
                    yield from self._outcomes(worker, answers)
                    continue
                code = self._replace(worker)
                if worker.given:
                    group = worker.given.popleft()
                    self._waiting.extend(worker.given)
                    yield from lost(group, code)

    def _feed(self, source: Callable[[], Group | None]) -> bool:
        """Give every worker as much as it may hold; whether there is something to wait for."""
        for worker in self._workers:
            while worker.ready and len(worker.given) < AHEAD:
                group = source()
                if group is None:
                    return any(other.given for other in self._workers)
                worker.give(group)
        return True

    def _suspect(self, group: Group, _: int) -> Iterator[Outcome]:
        self._suspects.extend(group)
        return iter(())

    def _give_up(self, group: Group, code: int) -> Iterator[Outcome]:
        return (Outcome(photo.name, None, self._told(code)) for photo in group)

    def _outcomes(self, worker: _Worker, answers: list[object]) -> Iterator[Outcome]:
        for answer in answers:
            match answer:
                case None:
                    worker.ready = True
                case str():
                    raise PreparationError(answer)
                case list():
                    for photo, (digest, reason) in zip(worker.given.popleft(), answer, strict=True):
                        yield Outcome(photo.name, digest, reason)
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
