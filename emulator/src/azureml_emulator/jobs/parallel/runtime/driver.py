"""Drives a parallel run: splits the input, hands the mini batches to workers, and judges the result.

A mini batch that fails, runs out of time or ends its worker costs that attempt alone: the worker is replaced, and the
mini batch is tried again. The contract is that of Azure's reference "CLI (v2) parallel job YAML schema" and of
"Troubleshooting the ParallelRunStep".
"""

from __future__ import annotations

import importlib.util
import selectors
import signal
import time
from collections import deque
from collections.abc import Iterator
from types import FrameType
from typing import Any

from .batches import Batch, UnusableInput, split
from .report import Report
from .rows import Rows, Segment
from .settings import Settings
from .tally import Tally
from .workers import Worker

_POLL_SECONDS = 0.1
_INIT_TIMEOUTS = 3  # `init` may take this many times the timeout of `run`, and the seconds below (as in Azure).
_INIT_SECONDS = 30.0
_INIT_FAILURES = 3  # Workers that end without having done anything, one after the other, per process (as in Azure).
_SHUTDOWN_SECONDS = 60.0
_MOST_WORKERS = 64  # A laptop is one node, however many the job asks for.


class RunFailed(Exception):  # noqa: N818
    """The run as a whole has failed; the message tells why."""


def main(settings_file: str) -> int:
    """Run to the end; the answer is the exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    report = Report()
    try:
        Run(Settings.load(settings_file), settings_file, report).run()
    except (RunFailed, UnusableInput) as error:
        if report.last_error and str(error) != report.last_error:
            report.say(f"Last error: {report.last_error}")
        report.result(f"The parallel run failed: {error}")
        return 1
    report.result("The parallel run completed")
    return 0


def _terminated(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


class Run:
    """One parallel run."""

    def __init__(self, settings: Settings, settings_file: str, report: Report) -> None:
        self._settings = settings
        self._settings_file = settings_file
        self._report = report
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, Worker] = {}
        self._started = 0
        self._again: deque[tuple[Batch, int]] = deque()
        self._barren = 0
        self._begun = False
        self._first_deadline = time.monotonic() + settings.first_task_timeout
        self._progress_deadline: float | None = None

    def run(self) -> None:
        """Run all mini batches. Raises RunFailed and UnusableInput."""
        settings = self._settings
        _check_environment(settings)
        # Files are looked for twice, so that not all of them are held; partitions are too dear to find twice.
        kept = list(split(settings)) if settings.partition_keys else None
        total = sum(1 for _ in split(settings)) if kept is None else len(kept)
        if not total:
            raise UnusableInput("the input has no files")
        self._tally = Tally(settings, total)
        self._batches: Iterator[Batch] = split(settings) if kept is None else iter(kept)
        self._size = min(settings.instances * settings.concurrency, total, _MOST_WORKERS)
        self._rows = Rows(settings.rows_to)
        self._report.say(
            f"{total} mini batches for {settings.instances} instances with {settings.concurrency} processes each; "
            f"{self._size} processes on this machine"
        )
        for note in settings.notes:
            self._report.say(note)
        try:
            while self._tally.done < total:
                self._fill()
                self._look()
                self._judge()
            self._shut_down()
        finally:
            for worker in list(self._workers.values()):
                self._drop(worker)
        place = self._rows.close()
        self._report.say(self._tally.summary())
        if place is not None:
            self._report.say(f"Rows appended to {place}")

    def _fill(self) -> None:
        """As many workers as there is work for, and work for those that have none."""
        for worker in self._workers.values():
            if worker.ready and worker.batch is None:
                batch, attempts = self._next()
                if batch is None:
                    break
                worker.give(batch, attempts + 1)
                worker.deadline = time.monotonic() + self._settings.overhead_timeout
        left = self._tally.total - self._tally.done
        while len(self._workers) < min(self._size, left):
            self._start()

    def _next(self) -> tuple[Batch | None, int]:
        if self._again:
            return self._again.popleft()
        return next(self._batches, None), 0

    def _start(self) -> None:
        worker = Worker(self._settings, self._settings_file, self._started)
        self._started += 1
        worker.deadline = time.monotonic() + _INIT_TIMEOUTS * self._settings.timeout + _INIT_SECONDS
        self._workers[worker.fileno] = worker
        self._selector.register(worker.fileno, selectors.EVENT_READ, worker)

    def _drop(self, worker: Worker) -> None:
        worker.kill()
        self._selector.unregister(worker.fileno)
        del self._workers[worker.fileno]
        worker.close()

    def _look(self) -> None:
        """Wait for news, and take in what has happened to each worker."""
        self._selector.select(_POLL_SECONDS)
        now = time.monotonic()
        for worker in list(self._workers.values()):
            code = worker.ended()  # Before its answers: an ended one says nothing more.
            for answer in worker.answers():
                self._answer(worker, answer)
            if code is not None:
                self._died(worker, code)
            elif now > worker.deadline and (worker.batch is not None or not worker.ready):
                self._late(worker)
        if not self._begun and now > self._first_deadline:
            raise RunFailed(
                f"no mini batch has begun in {self._settings.first_task_timeout:g} s (first_task_creation_timeout)"
            )
        if self._progress_deadline is not None and now > self._progress_deadline:
            raise RunFailed(
                f"no mini batch has ended in {self._settings.progress_timeout:g} s (progress_update_timeout)"
            )

    def _answer(self, worker: Worker, answer: dict[str, Any]) -> None:
        if "ready" in answer:
            worker.ready = True
        elif "unusable" in answer:
            self._error(worker, "The entry script cannot be used", answer["unusable"])
            raise RunFailed(f"the entry script {self._settings.entry_script} cannot be used")
        elif "init" in answer:
            self._error(worker, "init() of the entry script failed", answer["init"])
        elif "running" in answer:
            if not self._begun:
                self._begun = True
                self._progressed()
            worker.items = answer["running"]
            worker.deadline = time.monotonic() + self._settings.timeout
        elif "failed" in answer:
            self._failed(worker, "failed", answer["failed"])
        elif "done" in answer:
            self._done(worker, answer["done"])

    def _done(self, worker: Worker, answer: dict[str, Any]) -> None:
        batch = _taken(worker)
        items, returned = answer["items"], answer["returned"]
        if not self._tally.succeeded(items, returned):
            self._error(worker, f"Mini batch {batch.index}: run() returned {returned} of {items} items", "")
        length = answer["length"]
        self._settle(batch, Segment(worker.rows, answer["start"], length) if length else None)

    def _failed(self, worker: Worker, what: str, details: str) -> None:
        """An attempt of the worker's mini batch has failed."""
        attempts, items = worker.attempts, worker.items
        batch = _taken(worker)
        attempt = f"attempt {attempts} of {self._settings.retries + 1}"
        self._error(worker, f"Mini batch {batch.index} {what} ({attempt})", details)
        if attempts <= self._settings.retries:
            self._tally.retried += 1
            self._again.append((batch, attempts))
            return
        # A table's rows are only known to those who read it.
        self._tally.gave_up(items if items is not None else len(batch.files) or 1)
        self._settle(batch, None)

    def _settle(self, batch: Batch, segment: Segment | None) -> None:
        self._rows.add(batch.index, segment)
        self._barren = 0
        self._progressed()

    def _progressed(self) -> None:
        if self._settings.progress_timeout is not None:
            self._progress_deadline = time.monotonic() + self._settings.progress_timeout

    def _died(self, worker: Worker, code: int) -> None:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if worker.batch is not None:
            self._failed(worker, f"ended its process, which {how}", "")
        else:
            self._barren += 1
            most = _INIT_FAILURES * max(self._settings.concurrency, 1)
            if self._barren >= most:
                raise RunFailed(f"{self._barren} processes ended in init() without a mini batch; the last {how}")
        self._drop(worker)

    def _late(self, worker: Worker) -> None:
        if worker.batch is None:
            self._error(worker, "init() of the entry script ran out of time", "")
            worker.kill()
            self._died(worker, worker.ended() or 0)
            return
        if worker.items is None:
            self._failed(worker, f"was not read in {self._settings.overhead_timeout:g} s (task_overhead_timeout)", "")
        else:
            self._failed(worker, f"ran longer than the timeout of {self._settings.timeout:g} s", "")
        self._drop(worker)

    def _judge(self) -> None:
        self._report.progress(self._tally.summary())
        if excess := self._tally.excess():
            self._report.say(self._tally.summary())
            raise RunFailed(excess)

    def _error(self, worker: Worker, what: str, details: str) -> None:
        self._report.error(what, details, node=worker.node, process=worker.name)

    def _shut_down(self) -> None:
        """Let the workers call `shutdown` and end."""
        for worker in self._workers.values():
            worker.finish()
        deadline = time.monotonic() + _SHUTDOWN_SECONDS
        while any(worker.ended() is None for worker in self._workers.values()):
            if time.monotonic() > deadline:
                self._report.say(f"shutdown() of the entry script took longer than {_SHUTDOWN_SECONDS:g} s")
                return
            self._selector.select(_POLL_SECONDS)
            for worker in self._workers.values():
                for answer in worker.answers():
                    if "shutdown" in answer:
                        self._error(worker, "shutdown() of the entry script failed", answer["shutdown"])


def _taken(worker: Worker) -> Batch:
    batch, worker.batch = worker.batch, None
    if batch is None:
        raise RunFailed(f"{worker.name} answers for a mini batch that it was not given")
    return batch


def _check_environment(settings: Settings) -> None:
    """Raise UnusableInput if the environment lacks what reading a table needs."""
    read = None if settings.table is None else settings.table["read"]
    if read is None:
        return
    needed = ["pandas", "pyarrow"] if read["kind"] == "read_parquet" else ["pandas"]
    for package in needed:
        if importlib.util.find_spec(package) is None:
            raise UnusableInput(
                f"the input is a table ({read['kind']}), and the environment has no {package} to read it with; "
                "on Azure it needs the package mltable"
            )
