"""The files of a run's outputs: where its command writes them, and how they get to storage afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ... import trees
from ...blobs import Check, Place
from ...context import Context
from ...errors import ServiceError
from ..process.logs import artifact
from ..stopping import JobFailed
from . import storage
from .data_errors import DataError, failed
from .fetching import blob_errors
from .modes import Mode
from .mounts import Mount, files_to_take


@dataclass(frozen=True)
class OutputFiles:
    """One output of a run; `value` is what its command is told: a path on this machine, or the URI (mode Direct)."""

    name: str
    uri: str
    kind: str
    mode: Mode
    value: str
    mount: Mount | None = None


def prepare(
    context: Context, name: str, uri: str, folder: Path, *, kind: str, mode: Mode, check: Check = lambda: None
) -> OutputFiles:
    """Make room in `folder` for an output; one that is mounted has in it what is at its place already.

    An output of type uri_file is the path of a file, which the command makes; the others are folders. Raises JobFailed.
    """
    if mode is Mode.DIRECT:
        return OutputFiles(name, uri, kind, mode, storage.full_uri(context, uri))
    place, path = _place(context, name, uri), folder / name
    single = kind == "uri_file"
    (folder if single else path).mkdir(parents=True, exist_ok=True)
    if mode is Mode.READ_WRITE_MOUNT:
        with _told(name, uri):
            _bring(context, place, path, single=single, check=check)
        return OutputFiles(name, uri, kind, mode, str(path), Mount.of(place, path))
    return OutputFiles(name, uri, kind, mode, str(path))


@contextmanager
def _told(name: str, uri: str) -> Iterator[None]:
    try:
        with blob_errors(uri):
            yield
    except DataError as error:
        raise failed(f"Output {name}", error, mounted=False) from error


def _place(context: Context, name: str, uri: str) -> Place:
    try:
        return storage.place(context, uri)
    except ServiceError as error:
        raise JobFailed(f"Output {name}: {error.message}", error.code) from error


def _bring(context: Context, place: Place, path: Path, *, single: bool, check: Check) -> None:
    if not single:
        context.blobs.download(place, path, check=check)
    elif context.blobs.exists(place):
        beside = path.with_name(f".{path.name}")
        [file] = context.blobs.download(place, beside, check=check)
        file.replace(path)
        trees.remove(beside)


def take(
    context: Context, output: OutputFiles, *, within: Path, completed: bool, check: Check = lambda: None
) -> int | None:
    """Bring an output to storage; the answer is how many files changed there, None if the output is not there.

    After a command that failed (`completed` is false) only what was mounted is taken: that is written as the command
    writes it, while uploads come after its end. `within` is the run's folder. Raises JobFailed for an output that is
    not what its type says.
    """
    where = f"Output {output.name}"
    if output.mode is Mode.DIRECT:
        return 0
    path = Path(output.value)
    if completed:
        _check_type(where, path, output.kind)
    elif output.mount is None or not path.exists():
        return None
    with _told(output.name, output.uri):
        if output.mount is not None:
            return output.mount.take_back(context, where, within=within, check=check)
        place = _place(context, output.name, output.uri)
        return context.blobs.upload_files(files_to_take(where, path, within), place, check=check)


def _check_type(where: str, path: Path, kind: str) -> None:
    if kind != "uri_file":
        if not path.is_dir():
            raise JobFailed(f"{where} is of type {kind}, a folder, but the command left no folder at its path")
    elif path.is_dir():
        raise JobFailed(f"{where} is of type uri_file, but the command made a folder at its path")
    elif not path.is_file():
        raise JobFailed(f"{where} is of type uri_file, but the command did not write the file")


def take_artifacts(context: Context, run: str, folder: Path, *, within: Path) -> list[str]:
    """Bring what a command wrote to `./outputs` or `./logs` to the run's artifacts of that name.

    The answer is the links that were left out.
    """
    if folder.is_symlink() or not folder.is_dir():
        return [folder.name] if folder.is_symlink() else []
    found = trees.walk(folder, within=within)
    context.blobs.upload_files(found.files, artifact(run, folder.name))
    return found.outside
