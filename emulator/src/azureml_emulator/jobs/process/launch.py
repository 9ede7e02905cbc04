"""Starts the processes of a run, one or several, each with a log of its own, and ends them together."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from ... import processes
from ..assignment import Assignment
from ..definition.distribution import Process
from ..services import Services
from ..stopping import JobFailed, Stop
from .logs import STD_LOG, RunLog
from .programs import COOKIE, Ended, run

_TICK_SECONDS = 0.1
_TOO_LONG = (
    "The command, with its inputs in place, or an environment variable is longer than the operating system allows "
    "(128 KiB each on Linux). Hand long values over in a file."
)


@dataclass(frozen=True)
class Program:
    """What is run: the arguments, the working folder, the variables, and the processes that are to run it."""

    assignment: Assignment
    command: Sequence[str]
    folder: Path
    variables: Mapping[str, str]
    processes: Sequence[Process]


@dataclass(frozen=True)
class Outcome:
    """How a program ended: canceled, failed with the error, or (neither) well."""

    canceled: bool = False
    error: JobFailed | None = None


def launch(services: Services, program: Program, *, log: RunLog, stop: Stop) -> Outcome:
    """Run a program to its end. With several processes, the first that fails ends the others."""
    if len(program.processes) == 1:
        ended = _start(services, program, program.processes[0], log.write, stop.event)
        return Outcome(ended.canceled, _failure(program, ended))
    return _Group(services, program, log, stop).run()


def _start(
    services: Services, program: Program, process: Process, output: Callable[[bytes], None], cancel: threading.Event
) -> Ended:
    recorded: list[Path] = []
    name, cookie = f"job-{program.assignment.mlflow}-{process.rank}", program.assignment.mlflow
    if len(program.processes) > 1:
        cookie = f"{cookie}-{process.rank}"  # One that ends must not take the others with it.
    try:
        return run(
            list(program.command),
            folder=program.folder,
            environment={**program.variables, **process.variables, COOKIE: cookie},
            output=output,
            cancel=cancel,
            timeout=program.assignment.node.timeout,
            started=lambda pid: recorded.append(processes.record(services.context.settings.state / "pid", name, pid)),
        )
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
        raise JobFailed(_TOO_LONG) from error
    finally:
        for file in recorded:
            file.unlink(missing_ok=True)


def _failure(program: Program, ended: Ended, rank: int | None = None) -> JobFailed | None:
    if ended.canceled:
        return None
    who = "" if rank is None else f" of process {rank}"
    if ended.timed_out:
        limit = program.assignment.node.timeout or 0
        return JobFailed(f"Execution failed. The command ran into its limit of {limit:g} seconds.")
    if ended.exit_code:
        log = STD_LOG if rank is None else _log_name(rank)
        return JobFailed(
            f"Execution failed. User process{who} exited with status code {ended.exit_code}. "
            f"Please check log file '{log}' for error details. Error: " + "\n".join(ended.last_lines)
        )
    return None


def _log_name(rank: int) -> str:
    return f"user_logs/std_log_process_{rank}.txt"


class _Group:
    """The processes of a distributed run. Parameter servers run until they are ended with the last worker."""

    def __init__(self, services: Services, program: Program, log: RunLog, stop: Stop) -> None:
        self._services = services
        self._program = program
        self._log = log
        self._stop = stop
        self._end = threading.Event()
        self._running: dict[Future[Ended], Process] = {}
        self._error: JobFailed | None = None

    def run(self) -> Outcome:
        ranks = self._program.processes
        self._log.line(f"Starting {len(ranks)} processes; each has a log of its own")
        with ThreadPoolExecutor(len(ranks)) as pool:
            try:
                for process in ranks:
                    self._running[pool.submit(self._one, process)] = process
                while any(process.role == "worker" for process in self._running.values()) and not self._over():
                    self._take(wait(self._running, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED).done)
            finally:
                self._end.set()  # Even if one could not be started: the pool waits for the others.
            self._take(wait(self._running).done)
        return Outcome(canceled=self._stop.event.is_set() and self._error is None, error=self._error)

    def _over(self) -> bool:
        return self._error is not None or self._stop.event.is_set()

    def _take(self, done: set[Future[Ended]]) -> None:
        for future in done:
            process = self._running.pop(future)
            error = _failure(self._program, future.result(), process.rank)
            if error is not None and not self._over():
                self._log.line(error.message)
                self._error = error

    def _one(self, process: Process) -> Ended:
        if process.rank == 0:
            return _start(self._services, self._program, process, self._log.write, self._end)
        assignment = self._program.assignment
        log = RunLog(self._services.context.blobs, assignment.run, _log_name(process.rank))
        self._services.runs.add_log(assignment.run, _log_name(process.rank))
        try:
            return _start(self._services, self._program, process, log.write, self._end)
        finally:
            log.close()
