"""Runs one node: builds its environment, brings its inputs, runs its command, and takes its outputs to storage."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .. import processes
from ..blobs import Place
from . import compute, conda, register_model, runs, storage
from .ending import ending
from .environments import Canceled, Environment, surroundings
from .logs import STD_LOG, RunLog, artifact
from .programs import COOKIE, Ended, run
from .references import render_command
from .services import Services
from .specification import Literal, Node
from .stopping import JobCanceled, JobFailed, Stop

_POLL_SECONDS = 0.2
_SHELL = ("/bin/bash", "-c")


@dataclass(frozen=True)
class Files:
    """Files that are an input: where they are, and the job that wrote them there (None if no job did)."""

    uri: str
    type: str
    job: str | None = None


Value = Literal | Files


@dataclass(frozen=True)
class Assignment:
    """A node with everything settled that the run needs: names, input values, places of its outputs."""

    run: str
    root: str
    experiment: str
    experiment_id: str
    mlflow: str
    node: Node
    inputs: Mapping[str, Value]
    outputs: Mapping[str, str]


def execute(services: Services, assignment: Assignment, stop: Stop) -> None:
    """Run a node to its end, and leave its run in the state Completed, Failed or Canceled."""
    with ending(services, assignment.run):
        perform(services, assignment, stop)


def perform(services: Services, assignment: Assignment, stop: Stop) -> None:
    """Run a node to its end. Raises JobFailed or JobCanceled unless it completes."""
    stop.check()
    services.runs.move(assignment.run, runs.QUEUED)
    while compute.is_starting(services.context, assignment.node):
        services.runs.move(assignment.run, runs.PROVISIONING)
        stop.event.wait(_POLL_SECONDS)
        stop.check()
    folder = services.context.settings.state / "jobs" / assignment.run
    with _core(services, stop):
        log = RunLog(services.context.blobs, assignment.run)
        services.runs.add_log(assignment.run, STD_LOG)
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
        self._context = services.context
        self._assignment = assignment
        self._node = assignment.node
        self._stop = stop
        self._log = log
        self._folder = folder
        self._work = folder / "work"

    def run(self) -> None:
        if self._node.component.builtin:
            self._register_model()
        else:
            self._command()

    def _download(self, uri: str, folder: Path) -> list[Path]:
        blobs = self._context.blobs
        return blobs.download(blobs.place(uri), folder)

    def _move(self, status: str) -> None:
        self._stop.check()
        self._services.runs.move(self._assignment.run, status)

    def _command(self) -> None:
        self._move(runs.PREPARING)
        environment = self._environment()
        self._move(runs.STARTING)
        if self._node.component.code:
            self._download(storage.locate(self._context, self._node.component.code), self._work)
        (self._work / "outputs").mkdir(exist_ok=True)
        inputs, outputs = self._bring_inputs(), self._make_outputs()
        try:
            command = render_command(self._node.component.command, inputs, outputs)
        except ValueError as error:
            raise JobFailed(str(error)) from error
        self._move(runs.RUNNING)
        ended = self._run(command, environment, inputs, outputs)
        # What was written stays to be looked at, however the command ended.
        self._context.blobs.upload(self._work / "outputs", artifact(self._assignment.run, "outputs"))
        self._judge(ended)
        self._move(runs.FINALIZING)
        self._take_outputs(outputs)

    def _register_model(self) -> None:
        self._move(runs.RUNNING)
        inputs, outputs = self._bring_inputs(), self._make_outputs()
        model = self._assignment.inputs["model_path"]
        if not isinstance(model, Files):
            raise JobFailed("model_path is not a folder")
        folder = Path(outputs[register_model.OUTPUT])
        job = model.job
        written = register_model.register(self._context, inputs, model_uri=model.uri, job=job, details=folder)
        self._log.line(f"Registered model {written['name']} with version {written['version']}: {written['id']}")
        self._move(runs.FINALIZING)
        self._take_outputs(outputs)

    def _environment(self) -> Environment:
        stored = self._context.store.get("environments", self._node.component.environment or "")
        if stored is None:
            raise JobFailed(f"the environment {self._node.component.environment} is not found")
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
        """Values as they are, and files as local paths."""
        given: dict[str, str] = {}
        for name, value in self._assignment.inputs.items():
            if isinstance(value, Literal):
                given[name] = value.value
                continue
            self._stop.check()
            folder = self._folder / "inputs" / name
            files = self._download(value.uri, folder)
            self._log.line(f"Input {name}: {len(files)} files from {value.uri}")
            if not files and value.job is None:
                raise JobFailed(f"input {name}: there is nothing at {value.uri}")
            single = len(files) == 1 and value.type == "uri_file"
            given[name] = str(files[0] if single else folder)
        return given

    def _make_outputs(self) -> dict[str, str]:
        paths = {}
        for name, target in self._node.outputs.items():
            path = self._folder / "outputs" / name
            # An output of type uri_file is the path of a file, which the command makes; others are folders.
            (path.parent if target.type == "uri_file" else path).mkdir(parents=True, exist_ok=True)
            paths[name] = str(path)
        return paths

    def _run(
        self, command: str, environment: Environment, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> Ended:
        state = self._context.settings.state
        recorded: list[Path] = []
        try:
            return run(
                [*_SHELL, command],
                folder=self._work,
                environment=self._variables(environment, inputs, outputs),
                output=self._log.write,
                cancel=self._stop.event,
                timeout=self._node.timeout,
                started=lambda pid: recorded.append(
                    processes.record(state / "pid", f"job-{self._assignment.mlflow}", pid)
                ),
            )
        finally:
            for file in recorded:
                file.unlink(missing_ok=True)

    def _variables(
        self, environment: Environment, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> dict[str, str]:
        settings, assignment = self._context.settings, self._assignment
        kept = surroundings(own_proxy=settings.ports.proxy)
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        return {
            **kept,
            "PATH": f"{environment.programs}:{kept.get('PATH', '/usr/local/bin:/usr/bin:/bin')}",
            "VIRTUAL_ENV": str(environment.folder),
            "HOME": str(home),
            "PYTHONUNBUFFERED": "1",
            COOKIE: assignment.mlflow,
            "AZUREML_RUN_ID": assignment.run,
            "AZUREML_ROOT_RUN_ID": assignment.root,
            "AZUREML_EXPERIMENT_ID": assignment.experiment_id,
            "AZUREML_ARM_SUBSCRIPTION": settings.subscription_id,
            "AZUREML_ARM_RESOURCEGROUP": settings.resource_group,
            "AZUREML_ARM_WORKSPACE_NAME": settings.workspace,
            "AZUREML_ARM_PROJECT_NAME": assignment.experiment,
            "MLFLOW_TRACKING_URI": self._services.tracking.url,
            "MLFLOW_EXPERIMENT_ID": assignment.experiment_id,
            "MLFLOW_EXPERIMENT_NAME": assignment.experiment,
            "MLFLOW_RUN_ID": assignment.mlflow,
            **{f"AZURE_ML_INPUT_{name}": value for name, value in inputs.items()},
            **{f"AZURE_ML_OUTPUT_{name}": value for name, value in outputs.items()},
            **environment.variables,
            **self._node.variables,
        }

    def _judge(self, ended: Ended) -> None:
        if ended.canceled:
            raise self._stop.reason()
        if ended.timed_out:
            raise JobFailed(f"Execution failed. The command ran into its limit of {self._node.timeout:g} seconds.")
        if ended.exit_code:
            raise JobFailed(
                f"Execution failed. User process exited with status code {ended.exit_code}. "
                f"Please check log file '{STD_LOG}' for error details. Error: " + "\n".join(ended.last_lines)
            )

    def _take_outputs(self, outputs: Mapping[str, str]) -> None:
        for name, path in outputs.items():
            target, uri = self._node.outputs[name], self._assignment.outputs[name]
            if target.type == "uri_file" and not Path(path).is_file():
                raise JobFailed(f"the command did not write its output {name}, a file")
            place = self._context.blobs.place(uri)
            count = self._context.blobs.upload(Path(path), Place(place.container, place.prefix.rstrip("/")))
            self._log.line(f"Output {name}: {count} files to {uri}")
            self._services.runs.add_output(self._assignment.run, name, uri=uri, kind=target.type)
