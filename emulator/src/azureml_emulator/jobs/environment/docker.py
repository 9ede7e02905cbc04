"""Docker, by its own client: which images are there, builds, and the containers that are left."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from ..process.programs import run
from ..process.surroundings import surroundings
from .definition import Canceled, Log, UnusableEnvironment

_OF_CLIENT = (
    "HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
)  # fmt: skip
_BUILD_ARGUMENTS = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_SECONDS = 20
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")


class Docker:
    """The Docker of this machine, as the emulator's own variables name it. Safe to use from threads."""

    def __init__(self, own_proxy: int) -> None:
        self._own_proxy = own_proxy

    @property
    def environment(self) -> dict[str, str]:
        """What its client needs of the emulator's own variables."""
        return surroundings(_OF_CLIENT, own_proxy=self._own_proxy)

    @property
    def program(self) -> str | None:
        """The path of its client, or None if there is none."""
        return shutil.which("docker")

    def answers(self) -> bool:
        """Whether there is a client, and a daemon that answers it."""
        return self.program is not None and self._ask("version", "--format", "{{.Server.Version}}") is not None

    def image(self, name: str) -> str | None:
        """The id of an image that is on this machine, or None. Nothing is fetched."""
        if self.program is None or not _IMAGE.fullmatch(name):
            return None
        return self._ask("image", "inspect", "--format", "{{.Id}}", name) or None

    def has_package(self, image: str, project: str) -> bool:
        """Whether the Python of an image has a project of PyPI installed."""
        asked = f"from importlib.metadata import version; version({project!r})"
        options = ("--rm", "--pull=never", "--network=none", "--entrypoint=python3")
        return self._ask("run", *options, image, "-c", asked) is not None

    def remove_containers(self, label: str) -> None:
        """End and remove the containers that carry a label, if any are left."""
        if left := (self._ask("ps", "--all", "--quiet", "--filter", f"label={label}") or "").split():
            self._ask("rm", "--force", *left)

    def build(self, context: Path, file: Path, tag: str, *, log: Log, cancel: threading.Event) -> None:
        """Build an image, with this machine's network. Raises UnusableEnvironment or Canceled."""
        environment = self.environment
        arguments = [f"--build-arg={name}" for name in _BUILD_ARGUMENTS if name in environment]
        options = ["--network=host", "--pull=false", f"--file={file}", f"--tag={tag}", *arguments]
        ended = run(
            [str(self.program), "build", *options, str(context)],
            folder=context,
            environment=environment,
            output=log.write,
            cancel=cancel,
        )
        if ended.canceled:
            raise Canceled
        if ended.exit_code:
            raise UnusableEnvironment("docker build failed: " + "\n".join(ended.last_lines))

    def _ask(self, *arguments: str) -> str | None:
        """What a command prints, or None if it fails."""
        try:
            done = self._run(arguments)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    def _run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.program), *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
