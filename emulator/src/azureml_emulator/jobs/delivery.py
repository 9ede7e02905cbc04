"""Brings a run's inputs to where its command reads them, and makes the places that it writes its outputs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..blobs import Blobs
from .assignment import Value
from .logs import RunLog
from .specification import Literal, Target
from .stopping import JobFailed, Stop


def download(blobs: Blobs, uri: str, folder: Path) -> list[Path]:
    """Copy what is at `uri` into `folder`; the answer is the files."""
    return blobs.download(blobs.place(uri), folder)


def bring(blobs: Blobs, values: Mapping[str, Value], folder: Path, log: RunLog, stop: Stop) -> dict[str, str]:
    """Values as they are, and files as local paths below `folder`. Raises JobFailed or JobCanceled."""
    given: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Literal):
            given[name] = value.value
            continue
        stop.check()
        target = folder / name
        files = download(blobs, value.uri, target)
        log.line(f"Input {name}: {len(files)} files from {value.uri}")
        if not files and value.job is None:
            raise JobFailed(f"input {name}: there is nothing at {value.uri}")
        single = len(files) == 1 and value.type == "uri_file"
        given[name] = str(files[0] if single else target)
    return given


def make_outputs(targets: Mapping[str, Target], folder: Path) -> dict[str, str]:
    """The local path of each output: a folder that is there, or for a uri_file the path of a file to be made."""
    paths = {}
    for name, target in targets.items():
        path = folder / name
        (path.parent if target.type == "uri_file" else path).mkdir(parents=True, exist_ok=True)
        paths[name] = str(path)
    return paths


def take(
    blobs: Blobs,
    targets: Mapping[str, Target],
    *,
    paths: Mapping[str, str],
    places: Mapping[str, str],
    log: RunLog,
    note: Callable[[str, str, str], None],
) -> None:
    """Bring what was written to storage, and `note` each output by name, URI and type. Raises JobFailed."""
    for name, path in paths.items():
        target, uri = targets[name], places[name]
        if target.type == "uri_file" and not Path(path).is_file():
            raise JobFailed(f"the command did not write its output {name}, a file")
        place = blobs.place(uri)
        count = blobs.upload(Path(path), type(place)(place.container, place.prefix.rstrip("/")))
        log.line(f"Output {name}: {count} files to {uri}")
        note(name, uri, target.type)
