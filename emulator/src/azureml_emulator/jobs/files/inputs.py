"""The files of a run's inputs: brought to its folder before its command starts, each in its delivery mode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ... import trees
from ...blobs import Place
from ...context import Context
from . import fetching as transfers
from . import mltable, storage
from .data_errors import DataError, failed
from .fetching import Fetched
from .modes import EVALUATING, Mode
from .mounts import Mount
from .web import Fetching

_SINGLE = frozenset({"uri_file", "custom_model"})
"""Types whose input is the path of a file if that is what is given; the others are folders."""


@dataclass(frozen=True)
class InputFiles:
    """An input as its command sees it: `value` is a path on this machine, or the URI itself (mode Direct).

    `mount` is set if what the command changes in it is to be taken back to storage.
    """

    value: str
    count: int
    mount: Mount | None = None


def bring(
    context: Context, name: str, uri: str, folder: Path, fetching: Fetching, *, kind: str, mode: Mode, empty: bool
) -> InputFiles:
    """Bring the files at `uri` to `folder`; `empty` tells whether there may be none, as in another node's output.

    What is mounted read-only gets the modes of files that nobody may write. That binds no command of root's, but what
    it changes even so stays in the run's folder: such an input is never taken back to storage. Raises JobFailed, and
    what `fetching.check` raises.
    """
    if mode is Mode.DIRECT:
        return InputFiles(storage.full_uri(context, uri), 0)
    mounted = mode in {Mode.READ_ONLY_MOUNT, Mode.READ_WRITE_MOUNT, Mode.EVAL_MOUNT}
    try:
        found = _fetch(context, uri, folder, fetching, kind=kind, mode=mode, sized=mounted)
        if not empty:
            _check_found(found, uri)
        path = found.files[0] if found.single and kind in _SINGLE else folder
        mount = _mount(context, uri, path) if mode is Mode.READ_WRITE_MOUNT else None
    except DataError as error:
        raise failed(f"Input {name}", error, mounted=mounted) from error
    if mode in {Mode.READ_ONLY_MOUNT, Mode.EVAL_MOUNT}:
        trees.make_read_only(folder)
    return InputFiles(str(path), len(found.files), mount)


def _fetch(
    context: Context, uri: str, folder: Path, fetching: Fetching, *, kind: str, mode: Mode, sized: bool
) -> Fetched:
    if mode in EVALUATING:
        return Fetched(mltable.evaluate(context, uri, folder, fetching), single=False)
    return transfers.fetch(context, uri, folder, fetching, kind=kind, sized=sized)


def _check_found(found: Fetched, uri: str) -> None:
    if not found.files:
        raise DataError("NotFound", f"There is nothing at {uri}")


def _mount(context: Context, uri: str, path: Path) -> Mount:
    source = transfers.resolve(context, uri)
    if not isinstance(source, Place):
        raise DataError("NotSupported", f"{uri} cannot be written, so it cannot be mounted with ReadWriteMount")
    return Mount.of(source, path)
