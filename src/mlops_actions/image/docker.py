"""Runs docker, whichever of its clients is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_actions.errors import ActionError

_BUILDKIT_IS_A_PLUGIN_SINCE = 23
# Secrets that are in the environment for other steps and commands; what its login helpers take it gets.
_NOT_FOR_DOCKER = frozenset({"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AZURE_CREDENTIALS", "REGISTRY_PASSWORD"})
_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")


class DockerError(Exception):
    """What docker said last when it failed."""


@dataclass(frozen=True)
class Docker:
    """Runs docker with a configuration folder of its own (None: the user's)."""

    config: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The environment in which it runs."""
        config = {} if self.config is None else {"DOCKER_CONFIG": str(self.config)}
        own = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_DOCKER}
        return {**own, **self.settings, **config}

    @property
    def has_buildkit(self) -> bool:
        """Whether builds go to BuildKit."""
        return self.environment().get("DOCKER_BUILDKIT") != "0"

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """What it prints; DockerError if it fails."""
        done = subprocess.run(
            ["docker", *arguments], input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
            env=self.environment(), capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise DockerError(_last_line(done.stderr or done.stdout))
        return done.stdout

    def stream(self, arguments: list[str], on_line: Callable[[str], None]) -> int:
        """Run it, hand each line that it prints to `on_line`, and answer its exit status."""
        with subprocess.Popen(
            ["docker", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=self.environment(), text=True, errors="replace",
        ) as process:  # fmt: skip
            try:
                for line in process.stdout or ():
                    on_line(line.rstrip())
            except BaseException:  # the build must not go on without us
                process.terminate()
                raise
        return process.returncode

    def push(self, name: str, on_line: Callable[[str], None]) -> str:
        """Push an image by its tag, and answer the digest that the registry has it under."""
        lines: list[str] = []

        def take(line: str) -> None:
            lines.append(line)
            on_line(line)

        if self.stream(["push", name], take) != 0:
            raise DockerError(_last_line("\n".join(lines)))
        for line in reversed(lines):
            if (pushed := _PUSHED.search(line)) is not None:
                return pushed[1]
        raise DockerError("docker push named no digest")


def client(config: Path | None = None) -> Docker:
    """A docker that has a daemon; ActionError if there is no client or no daemon."""
    if shutil.which("docker") is None:
        raise ActionError("docker is not on the PATH; install it, or use a runner that has it")
    try:
        versions: dict[str, Any] = json.loads(Docker(config).run("version", "--format", "{{json .}}"))
    except DockerError as error:
        raise ActionError(f"no Docker daemon answers ({error}); start it, or set DOCKER_HOST") from None
    return Docker(config, {"BUILDKIT_PROGRESS": "plain", **_builder(config, str(versions["Client"]["Version"]))})


def _builder(config: Path | None, version: str) -> dict[str, str]:
    """BuildKit wherever it is: in older clients it has to be asked for, in newer ones it may be missing."""
    if "DOCKER_BUILDKIT" in os.environ:
        return {}
    if int(version.partition(".")[0]) < _BUILDKIT_IS_A_PLUGIN_SINCE:
        return {"DOCKER_BUILDKIT": "1"}
    try:
        Docker(config).run("buildx", "version")
    except DockerError:
        return {"DOCKER_BUILDKIT": "0"}
    return {}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("See 'docker")]
    return lines[-1].removeprefix("Error response from daemon: ") if lines else "it said nothing"
