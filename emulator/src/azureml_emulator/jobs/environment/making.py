"""Makes one environment: a virtual environment of what it asks for, or an image that Docker has or builds."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import replace
from pathlib import Path

from ...context import Context
from ...errors import ServiceError
from ...settings import AUTO, DOCKER, VENV
from ..files import storage
from . import dockerfile_steps, images, images_of_docker, resolve
from .builder import Builder
from .definition import Canceled, Environment, Log, Requirements, UnusableEnvironment
from .docker import Docker
from .resolve import Definition

_MLFLOW_PLUGIN = "lib/python*/site-packages/azureml_mlflow-*.dist-info"


class Making:
    """One environment being made."""

    def __init__(self, context: Context, builder: Builder, docker: Docker, log: Log, cancel: threading.Event) -> None:
        self._context = context
        self._builder = builder
        self._docker = docker
        self._log = log
        self._cancel = cancel

    def make(self, definition: Definition, executor: str) -> Environment:
        """By Docker or not, as `executor` and what is there say."""
        if definition.context_uri:
            return self._of_context(definition, executor)
        assert definition.image  # noqa: S101 - checked when it was stored
        foreign = images.describe(definition.image).language is not None
        if executor == DOCKER or (executor == AUTO and foreign and self._docker.image(definition.image)):
            return self._of_image(definition)
        return self._virtual(resolve.requirements(definition, self._context.catalogue.packages()))

    def _virtual(self, requirements: Requirements) -> Environment:
        made = self._builder.build(requirements, log=self._log, cancel=self._cancel)
        assert made.folder is not None  # noqa: S101
        return replace(made, has_mlflow_plugin=any(made.folder.glob(_MLFLOW_PLUGIN)))

    def _in_docker(self, image: str) -> Environment:
        self._log.line(f"Docker runs the command, in image {image}")
        return Environment(None, image=image, has_mlflow_plugin=self._docker.has_package(image, "azureml-mlflow"))

    def _of_image(self, definition: Definition) -> Environment:
        image = str(definition.image)
        self._check_docker()
        if self._docker.image(image) is None:
            raise UnusableEnvironment(
                f"image {image} is not on this machine, and the emulator fetches none: docker pull {image}, or leave "
                "the executor to the emulator"
            )
        if definition.conda_file:
            own = self._context.catalogue.packages()
            image = images_of_docker.with_conda_file(
                self._docker, image, definition.conda_file, own, log=self._log, cancel=self._cancel
            )
        return self._in_docker(image)

    def _check_docker(self) -> None:
        if not self._docker.answers():
            raise UnusableEnvironment("the executor is docker, but no Docker answers on this machine")

    def _of_context(self, definition: Definition, executor: str) -> Environment:
        with tempfile.TemporaryDirectory(prefix="azureml-emulator-") as folder:
            context = Path(folder).resolve()
            file = self._bring(definition, context)
            if executor != VENV:
                reason = self._why_not_docker(file)
                if reason is None:
                    tag = images_of_docker.of_context(self._docker, context, file, log=self._log, cancel=self._cancel)
                    return self._in_docker(tag)
                if executor == DOCKER:
                    raise UnusableEnvironment(f"the executor is docker, but {reason}")
            else:
                reason = f"the executor is {VENV}"
            self._log.line(f"Docker does not build the build context ({reason}): its Dockerfile's steps are followed")
            return self._virtual(self._following(file, context, reason))

    def _bring(self, definition: Definition, context: Path) -> Path:
        """Bring the build context to a folder; the answer is its Dockerfile."""
        try:
            place = storage.place(self._context, storage.locate(self._context, str(definition.context_uri)))
            self._context.blobs.download(place, context, check=self._check_canceled)
        except (ServiceError, ValueError) as error:
            raise UnusableEnvironment(f"its build context: {error}") from error
        file = (context / definition.dockerfile).resolve()
        if not file.is_relative_to(context) or not file.is_file():
            raise UnusableEnvironment(f"its build context has no {definition.dockerfile}")
        return file

    def _check_canceled(self) -> None:
        if self._cancel.is_set():
            raise Canceled

    def _why_not_docker(self, file: Path) -> str | None:
        if not self._docker.answers():
            return "no Docker answers on this machine"
        if missing := images_of_docker.missing(self._docker, file.read_text(encoding="utf-8")):
            return f"its base image {', '.join(missing)} is not on this machine"
        return None

    def _following(self, file: Path, context: Path, reason: str) -> Requirements:
        """What the steps of a Dockerfile install, on top of what stands for its base image."""
        own = self._context.catalogue.packages()
        try:
            image, found = dockerfile_steps.read(file.read_text(encoding="utf-8"), context, own)
            curated = self._context.catalogue.of_image(image)
            base = resolve.of_curated(curated) if curated else resolve.of_image(images.describe(image))
        except UnusableEnvironment as error:
            raise UnusableEnvironment(f"{error} ({reason})") from error
        return Requirements(
            python=found.python or base.python,
            pip=(*base.pip, *found.pip),
            variables=tuple({**dict(base.variables), **dict(found.variables)}.items()),
            notes=(*base.notes, *found.notes),
        )
