"""Runs one node: builds its environment, brings its inputs, runs its program, and takes its outputs to storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import trees
from . import compute, machine_faults, register_model, runs
from .assignment import Assignment, Files
from .definition import distribution
from .definition.components import CommandWork, GraphWork, RegisterModel
from .definition.references import render_command
from .environment.definition import Canceled, Environment, UnusableEnvironment
from .files.delivery import Delivery
from .parallel import program as parallel
from .parallel.specification import ParallelWork
from .process.launch import Program, launch
from .process.logs import STD_LOG, RunLog
from .process.programs import COOKIE
from .process.run_environment import variables
from .services import Services
from .stopping import JobCanceled, JobFailed, Stop

_POLL_SECONDS = 0.2
_SHELL = ("/bin/bash", "-c")
_FIRST_LOG = "user_logs/std_log_process_0.txt"
"""Where Azure puts what rank 0 of a distributed run prints."""


def perform(services: Services, assignment: Assignment, stop: Stop) -> None:
    """Run a node to its end. Raises JobFailed or JobCanceled unless it completes."""
    stop.check()
    services.runs.move(assignment.run, runs.QUEUED)
    machine_faults.allocate(services, assignment, stop)
    while compute.is_starting(services.context, assignment.node):
        services.runs.move(assignment.run, runs.PROVISIONING)
        stop.event.wait(_POLL_SECONDS)
        stop.check()
    folder = services.context.settings.state / "jobs" / assignment.run
    work = assignment.node.component.work
    name = _FIRST_LOG if isinstance(work, CommandWork) and work.distribution else STD_LOG
    with _core(services, stop):
        log = RunLog(services.context.blobs, assignment.run, name)
        services.runs.add_log(assignment.run, name)
        try:
            (folder / "work").mkdir(parents=True)
            _Execution(services, assignment, stop, log, folder).run()
        except JobFailed as error:
            log.line(f"Error: {error.message}")
            raise
        except JobCanceled:
            log.line("The run was canceled")
            raise
        finally:
            log.close()
            trees.remove(folder)


@contextmanager
def _core(services: Services, stop: Stop) -> Iterator[None]:
    while not services.cores.acquire(timeout=_POLL_SECONDS):
        stop.check()
    try:
        stop.check()
        yield
    finally:
        services.cores.release()


class _Execution:
    """A node that has a core, a log and a folder of its own."""

    def __init__(self, services: Services, assignment: Assignment, stop: Stop, log: RunLog, folder: Path) -> None:
        self._services = services
        self._context = services.context
        self._assignment = assignment
        self._node = assignment.node
        self._stop = stop
        self._log = log
        self._folder = folder
        self._work = folder / "work"
        self._delivery = Delivery(services.context, assignment, folder, log, stop)

    def run(self) -> None:
        if isinstance(self._node.component.work, RegisterModel):
            self._register_model()
        else:
            self._run_program()

    def _move(self, status: str) -> None:
        self._stop.check()
        self._services.runs.move(self._assignment.run, status)

    def _run_program(self) -> None:
        work = self._node.component.work
        assert not isinstance(work, GraphWork | RegisterModel)  # noqa: S101
        self._move(runs.PREPARING)
        environment = self._environment(work)
        self._move(runs.STARTING)
        if work.code:
            self._delivery.bring_code(work.code, self._work)
        (self._work / "outputs").mkdir(exist_ok=True)
        given, made = self._delivery.bring_inputs(), self._delivery.make_outputs()
        told = variables(
            self._services, self._assignment, environment, inputs=given, outputs=made, home=self._folder / "home"
        )
        command = self._arguments(environment, given, made)
        if self._node.services:
            self._log.line(f"Interactive services are not started by this emulator: {', '.join(self._node.services)}")
        self._move(runs.RUNNING)
        processes = self._processes()
        with (
            machine_faults.preemptible(self._services, self._assignment, self._stop),
            self._services.environments.started(
                environment,
                command,
                told,
                run=self._assignment.mlflow,
                folder=self._folder,
                work=self._work,
                also=[COOKIE, *(name for process in processes for name in process.variables)],
            ) as (command, told),
        ):
            program = Program(self._assignment, command, self._work, told, processes)
            ended = launch(self._services, program, log=self._log, stop=self._stop)
        # What was written stays to be looked at, however the command ended.
        for name in ("outputs", "logs"):
            self._delivery.take_artifacts(self._work / name)
        if ended.canceled:
            raise self._stop.reason()
        if ended.error is not None:
            self._delivery.take(self._note, completed=False)
            raise ended.error
        self._move(runs.FINALIZING)
        self._delivery.take(self._note, completed=True)

    def _arguments(self, environment: Environment, given: dict[str, str], made: dict[str, str]) -> list[str]:
        work = self._node.component.work
        try:
            if isinstance(work, ParallelWork):
                return self._parallel(work, environment, given, made)
            assert isinstance(work, CommandWork)  # noqa: S101
            return [*_SHELL, render_command(work.command, given, made)]
        except ValueError as error:
            raise JobFailed(str(error)) from error

    def _parallel(
        self, work: ParallelWork, environment: Environment, given: dict[str, str], made: dict[str, str]
    ) -> list[str]:
        scratch = self._folder / "parallel"
        scratch.mkdir()
        source = self._assignment.inputs.get(work.input_data or "")
        mode = source.mode if isinstance(source, Files) else None
        return parallel.arguments(work, given, made, scratch, environment.programs / "python", mode=mode)

    def _processes(self) -> list[distribution.Process]:
        work = self._node.component.work
        if not isinstance(work, CommandWork):
            return [distribution.Process(0, {})]
        if work.distribution is None:
            if work.instances > 1:
                self._log.line(f"No distribution is given: of {work.instances} instances one runs the command")
            return [distribution.Process(0, {})]
        return distribution.processes(work.distribution, work.instances)

    def _register_model(self) -> None:
        self._move(runs.RUNNING)
        given, made = self._delivery.bring_inputs(), self._delivery.make_outputs()
        model = self._assignment.inputs["model_path"]
        if not isinstance(model, Files):
            raise JobFailed("model_path is not a folder")
        folder = Path(made[register_model.OUTPUT])
        job = model.job
        written = register_model.register(self._context, given, model_uri=model.uri, job=job, details=folder)
        self._log.line(f"Registered model {written['name']} with version {written['version']}: {written['id']}")
        self._move(runs.FINALIZING)
        self._delivery.take(self._note, completed=True)

    def _environment(self, work: CommandWork | ParallelWork) -> Environment:
        set_ = {**work.variables, **self._node.variables}
        try:
            return self._services.environments.build(
                str(work.environment), set_, log=self._log, cancel=self._stop.event
            )
        except UnusableEnvironment as error:
            raise JobFailed(str(error)) from error
        except Canceled as error:
            raise self._stop.reason() from error

    def _note(self, name: str, uri: str, kind: str) -> None:
        self._services.runs.add_output(self._assignment.run, name, uri=uri, kind=kind)
        self._services.runs.note_writer(uri, self._assignment.run)
