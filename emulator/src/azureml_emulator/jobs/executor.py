"""Runs one node: builds its environment, brings its inputs, runs its program, and takes its outputs to storage."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import compute, conda, delivery, distribution, machine_faults, register_model, runs, storage
from .assignment import Assignment, Files
from .components import CommandWork, GraphWork, RegisterModel
from .environments import Canceled, Environment
from .launch import Program, launch
from .logs import STD_LOG, RunLog, artifact
from .parallel import program as parallel
from .references import render_command
from .run_environment import variables
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
            shutil.rmtree(folder, ignore_errors=True)


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
        self._blobs = services.context.blobs
        self._context = services.context
        self._assignment = assignment
        self._node = assignment.node
        self._stop = stop
        self._log = log
        self._folder = folder
        self._work = folder / "work"

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
        environment = self._environment(work.environment)
        self._move(runs.STARTING)
        if work.code:
            delivery.download(self._blobs, storage.locate(self._context, work.code), self._work)
        (self._work / "outputs").mkdir(exist_ok=True)
        given, made = self._bring_inputs(), self._make_outputs()
        told = variables(
            self._services, self._assignment, environment, inputs=given, outputs=made, home=self._folder / "home"
        )
        command = self._arguments(environment, given, made)
        self._move(runs.RUNNING)
        with machine_faults.preemptible(self._services, self._assignment, self._stop):
            ended = launch(
                self._services,
                Program(self._assignment, command, self._work, told, self._processes()),
                log=self._log,
                stop=self._stop,
            )
        # What was written stays to be looked at, however the command ended.
        self._blobs.upload(self._work / "outputs", artifact(self._assignment.run, "outputs"))
        if ended.canceled:
            raise self._stop.reason()
        if ended.error is not None:
            raise ended.error
        self._move(runs.FINALIZING)
        self._take_outputs(made)

    def _arguments(self, environment: Environment, given: dict[str, str], made: dict[str, str]) -> list[str]:
        work = self._node.component.work
        try:
            if isinstance(work, CommandWork):
                return [*_SHELL, render_command(work.command, given, made)]
            scratch = self._folder / "parallel"
            scratch.mkdir()
            return parallel.arguments(work, given, made, scratch, environment.programs / "python")  # type: ignore[arg-type]
        except ValueError as error:
            raise JobFailed(str(error)) from error

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
        given, made = self._bring_inputs(), self._make_outputs()
        model = self._assignment.inputs["model_path"]
        if not isinstance(model, Files):
            raise JobFailed("model_path is not a folder")
        folder = Path(made[register_model.OUTPUT])
        job = model.job
        written = register_model.register(self._context, given, model_uri=model.uri, job=job, details=folder)
        self._log.line(f"Registered model {written['name']} with version {written['version']}: {written['id']}")
        self._move(runs.FINALIZING)
        self._take_outputs(made)

    def _environment(self, reference: str | None) -> Environment:
        stored = self._context.store.get("environments", reference or "")
        if stored is None:
            raise JobFailed(f"the environment {reference} is not found")
        properties = stored["properties"]
        text = properties.get("condaFile")
        self._log.line(f"Image {properties.get('image')} is not run here: the command runs on this machine")
        try:
            requirements = conda.read(text) if text else conda.Requirements()
            return self._services.builder.build(requirements, log=self._log, cancel=self._stop.event)
        except conda.UnusableEnvironment as error:
            raise JobFailed(f"environment {stored['id'].split('/')[-3]}: {error}") from error
        except Canceled as error:
            raise self._stop.reason() from error

    def _bring_inputs(self) -> dict[str, str]:
        return delivery.bring(self._blobs, self._assignment.inputs, self._folder / "inputs", self._log, self._stop)

    def _make_outputs(self) -> dict[str, str]:
        return delivery.make_outputs(self._node.outputs, self._folder / "outputs")

    def _take_outputs(self, made: dict[str, str]) -> None:
        def note(name: str, uri: str, kind: str) -> None:
            self._services.runs.add_output(self._assignment.run, name, uri=uri, kind=kind)

        places = self._assignment.outputs
        delivery.take(self._blobs, self._node.outputs, paths=made, places=places, log=self._log, note=note)
