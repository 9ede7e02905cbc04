"""Makes the environment of a node, whatever it is defined by, and starts the node's program in it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ...context import Context
from ...errors import ServiceError
from ...settings import cache
from . import container, resolve
from .builder import Builder
from .container import Placement
from .definition import Environment, Log, UnusableEnvironment
from .docker import Docker
from .making import Making


class Environments:
    """The environments of one emulator's jobs. Safe to use from threads."""

    def __init__(self, context: Context) -> None:
        proxy = context.settings.ports.proxy
        self._context = context
        self._builder = Builder(cache() / "environments", own_proxy=proxy)
        self._docker = Docker(proxy)
        container.remove_left(self._docker, context.settings.state)

    def build(self, reference: str, variables: Mapping[str, str], *, log: Log, cancel: threading.Event) -> Environment:
        """The environment that a reference names, for a node with these environment variables.

        Raises UnusableEnvironment, which says what is wrong, or Canceled.
        """
        try:
            definition = resolve.find(self._context, reference)
            chosen = resolve.executor(self._context, variables)
        except ServiceError as error:
            raise UnusableEnvironment(error.message) from error
        try:
            return Making(self._context, self._builder, self._docker, log, cancel).make(definition, chosen)
        except UnusableEnvironment as error:
            raise UnusableEnvironment(f"environment {definition.name}: {error}") from error

    @contextmanager
    def started(
        self,
        environment: Environment,
        command: list[str],
        variables: dict[str, str],
        *,
        run: str,
        folder: Path,
        work: Path,
        also: Iterable[str],
    ) -> Iterator[tuple[list[str], dict[str, str]]]:
        """The arguments and variables by which a run's program is started in its environment.

        `run` is unique to the run, `folder` is its folder, and `also` are the names of variables that are set for each
        of its processes. Nothing is left running in a container when this is left.
        """
        if environment.image is None:
            yield command, variables
            return
        bundle = (self._context.settings.certificates / "bundle.pem").resolve()
        files = [bundle] if bundle.exists() else []
        placement = Placement(run, environment.image, command, folder, work, variables, files)
        with container.contained(self._docker, self._context.settings.state, placement, also) as found:
            yield found
