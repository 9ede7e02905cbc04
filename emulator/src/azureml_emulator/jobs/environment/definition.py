"""What the parts of this package hand to each other: what an environment needs, what was made of it, its errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class UnusableEnvironment(Exception):  # noqa: N818
    """An environment that cannot be had here; the text says what its user has to change."""


class Canceled(Exception):  # noqa: N818
    """The job was canceled while its environment was built."""


class Log(Protocol):
    """Where a build is told of, as it goes on."""

    def line(self, text: str) -> None:
        """Add a line."""

    def write(self, data: bytes) -> None:
        """Add what a program printed."""


@dataclass(frozen=True)
class Requirements:
    """What a virtual environment needs.

    `python` is a version (`3.8`) or constraints (`>=3.8,<3.11`), None: any; `pip` lines for pip, `variables` pairs of
    environment variables. `notes` say what is different from what the user wrote; they are for the job's log.
    """

    python: str | None = None
    pip: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Environment:
    """An environment that a program can be started in: a folder on this machine, or (if `image` is set) an image.

    `variables` are those that the environment sets; `has_mlflow_plugin` tells whether azureml-mlflow is in it, by which
    MLflow understands URIs that begin with `azureml:`.
    """

    folder: Path | None
    variables: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    has_mlflow_plugin: bool = False

    @property
    def programs(self) -> Path:
        """The folder of its programs; empty for an image, where they are found by their names alone."""
        return Path() if self.folder is None else self.folder / "bin"

    def activation(self, path: str) -> dict[str, str]:
        """The variables that make its programs those that are found first; `path` is the PATH without it."""
        if self.folder is None:
            return {}
        return {"PATH": f"{self.programs}:{path}", "VIRTUAL_ENV": str(self.folder)}
