"""A run's program in a container of its own, with the run's folder and variables, and nothing of the emulator's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ... import processes
from ..process.surroundings import PASSED_ON
from .docker import Docker

_STATE = "azureml-emulator.state"
_RUN = "azureml-emulator.run"
_MARK = "containers"
"""A file in the state folder: containers were started, so that some may be left after a kill."""

_MEANT_FOR_ALL = frozenset({"LANG", "LC_ALL", "TZ", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"})
_OF_THIS_MACHINE = frozenset(PASSED_ON) - _MEANT_FOR_ALL
"""Variables with paths of this machine, which an image does not have."""

_READ_BY_CLIENT = ("DOCKER_", "BUILDKIT_", "LD_", "GO")


@dataclass(frozen=True)
class Placement:
    """What is started in an image: the arguments, where, with which variables.

    `run` is unique to the run. `folder` is the run's own, in which `work` is; both have the same paths in the
    container. `files` are other files that it may read.
    """

    run: str
    image: str
    command: Sequence[str]
    folder: Path
    work: Path
    variables: Mapping[str, str]
    files: Sequence[Path] = ()


@contextmanager
def contained(
    docker: Docker, state: Path, placement: Placement, also: Iterable[str]
) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The arguments and variables that run it in a container; no container of the run is left afterwards.

    `also` are names of variables that are set for each process beside those of the placement. A process has the user id
    of the emulator and the machine's network, where MLflow listens.
    """
    (state / _MARK).touch()
    try:
        yield _command(docker, state, placement, also)
    finally:
        docker.remove_containers(f"{_RUN}={placement.run}")


def remove_left(docker: Docker, state: Path) -> None:
    """Remove the containers that an emulator of this state folder left when it was killed."""
    mark = state / _MARK
    if mark.exists() and docker.answers():
        docker.remove_containers(f"{_STATE}={processes.owner(state)}")
        mark.unlink(missing_ok=True)


def _command(
    docker: Docker, state: Path, placement: Placement, also: Iterable[str]
) -> tuple[list[str], dict[str, str]]:
    client = docker.environment
    owner = {processes.OWNER: processes.owner(state)}
    wanted = {**{name: value for name, value in placement.variables.items() if _is_meant(name, value)}, **owner}
    # By name alone, so that no value is on a command line for all to read; but not what the client itself would read.
    reserved = {name for name in wanted if name in client or name.startswith(_READ_BY_CLIENT)}
    named = [f"--env={name}" for name in sorted({*wanted, *also} - reserved)]
    valued = [f"--env={name}={wanted[name]}" for name in sorted(reserved)]
    mounts = [f"--mount=type=bind,source={placement.folder},target={placement.folder}"]
    mounts += [f"--mount=type=bind,source={file},target={file},readonly" for file in placement.files]
    program, *arguments = placement.command
    options = [
        *("--rm", "--pull=never", "--network=host", "--security-opt=no-new-privileges"),
        *(f"--user={os.getuid()}:{os.getgid()}", f"--workdir={placement.work}", f"--entrypoint={program}"),
        *(f"--label={_STATE}={processes.owner(state)}", f"--label={_RUN}={placement.run}"),
    ]
    command = [str(docker.program), "run", *options, *mounts, *named, *valued, placement.image, *arguments]
    return command, {**client, **{name: value for name, value in wanted.items() if name not in reserved}}


def _is_meant(name: str, value: str) -> bool:
    """False for what the emulator's own surroundings say, which is about this machine and not about an image."""
    return name not in _OF_THIS_MACHINE or os.environ.get(name) != value
