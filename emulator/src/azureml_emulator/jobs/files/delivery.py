"""What goes between storage and a run's folder: code and inputs before its command, outputs and artifacts after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...context import Context
from ...errors import ServiceError
from ..assignment import Assignment, Files
from ..definition.components import Port
from ..definition.specification import Literal
from ..parallel.specification import ParallelWork
from ..process.logs import RunLog
from ..stopping import JobFailed, Stop
from . import inputs, output_files, storage
from .data_errors import DataError, failed
from .inputs import InputFiles
from .modes import Mode
from .output_files import OutputFiles
from .web import Fetching

Note = Callable[[str, str, str], None]
"""Takes note of an output: its name, URI and type."""


def _kind(port: Port | None, value: Files) -> str:
    """The type that files are delivered as: that of the input, but a file stays a file where a folder is taken."""
    if port is None or not port.is_data or (port.type, value.type) == ("uri_folder", "uri_file"):
        return value.type
    return port.type


class Delivery:
    """The files of one run, below `folder`. Its methods raise JobFailed or JobCanceled."""

    def __init__(self, context: Context, assignment: Assignment, folder: Path, log: RunLog, stop: Stop) -> None:
        self._context = context
        self._assignment = assignment
        self._folder = folder
        self._log = log
        self._stop = stop
        self._inputs: dict[str, tuple[str, InputFiles]] = {}
        self._outputs: list[OutputFiles] = []

    def bring_code(self, reference: str, folder: Path) -> None:
        """Copy a code version's files into `folder`."""
        try:
            place = storage.place(self._context, storage.locate(self._context, reference))
            self._context.blobs.download(place, folder, check=self._stop.check)
        except ServiceError as error:
            raise JobFailed(error.message, error.code) from error
        except ValueError as error:
            raise failed("Code", DataError("InvalidInput", str(error)), mounted=False) from error

    def bring_inputs(self) -> dict[str, str]:
        """Values as they are, and files as what the command is told of them: local paths or URIs."""
        values = self._assignment.inputs.items()
        return {name: one.value if isinstance(one, Literal) else self._input(name, one) for name, one in values}

    def _input(self, name: str, value: Files) -> str:
        self._stop.check()
        port = self._assignment.node.component.inputs.get(name)
        fetching = Fetching(
            self._context.settings.certificates / "bundle.pem", tell=self._log.line, check=self._stop.check
        )
        brought = inputs.bring(
            self._context,
            name,
            value.uri,
            self._folder / "inputs" / name,
            fetching,
            kind=_kind(port, value),
            mode=self._mode(name, value),
            empty=value.job is not None,
        )
        self._inputs[name] = (value.uri, brought)
        told = f"{brought.count} files from " if self._mode(name, value) is not Mode.DIRECT else ""
        self._log.line(f"Input {name}: {told}{value.uri}")
        return brought.value

    def _mode(self, name: str, value: Files) -> Mode:
        mode = Mode(value.mode or Mode.READ_ONLY_MOUNT)
        work = self._assignment.node.component.work
        # The input that a parallel job splits is read by the service, not by the entry script: it must be here.
        split = isinstance(work, ParallelWork) and work.input_data == name and mode is Mode.DIRECT
        return Mode.READ_ONLY_MOUNT if split else mode

    def make_outputs(self) -> dict[str, str]:
        """What the command is told of its outputs: paths that it is to write to, or URIs."""
        self._outputs = [
            output_files.prepare(
                self._context,
                name,
                self._assignment.outputs[name],
                self._folder / "outputs",
                kind=target.type,
                mode=self._output_mode(name, target.mode),
                check=self._stop.check,
            )
            for name, target in self._assignment.node.outputs.items()
        ]
        return {output.name: output.value for output in self._outputs}

    def _output_mode(self, name: str, given: str | None) -> Mode:
        mode = Mode(given or Mode.READ_WRITE_MOUNT)
        # The run's log is among its artifacts, and is being written: what a mount brought of it would be taken back.
        own = self._assignment.outputs[name] == storage.artifacts(self._context, self._assignment.run)
        return Mode.UPLOAD if own and mode is Mode.READ_WRITE_MOUNT else mode

    def take_artifacts(self, folder: Path) -> None:
        """Bring to the run's artifacts what the command wrote to `./outputs` or `./logs`."""
        left = output_files.take_artifacts(self._context, self._assignment.run, folder, within=self._folder)
        for name in left:
            self._log.line(f"{folder.name}/{name} is a link out of the run's folder; it is not kept")

    def take(self, note: Note, *, completed: bool) -> None:
        """Bring to storage what the command wrote, and take note of its outputs.

        After a failure (not `completed`) that is what was mounted to be written.
        """
        check = self._stop.check
        for name, (uri, brought) in self._inputs.items():
            if brought.mount is not None:
                count = brought.mount.take_back(self._context, f"Input {name}", within=self._folder, check=check)
                self._log.line(f"Input {name}: {count} files changed at {uri}")
        for output in self._outputs:
            taken = output_files.take(self._context, output, within=self._folder, completed=completed, check=check)
            if taken is not None:
                self._log.line(f"Output {output.name}: {taken} files to {output.uri}")
                note(output.name, output.uri, output.kind)
