"""From a reference to an environment to what it is defined by, and whether it can be run here at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ... import assets
from ...assets import environments
from ...context import Context
from ...curated.catalogue import CatalogueError, Curated
from ...errors import ServiceError, bad_request, not_implemented
from ...settings import AUTO, DOCKER, EXECUTORS
from . import conda, images
from .definition import Requirements, UnusableEnvironment
from .docker import Docker

EXECUTOR = "AZUREML_EMULATOR_EXECUTOR"
"""Environment variable of a job or a node that chooses how it is run; Azure takes no notice of it."""


@dataclass(frozen=True)
class Definition:
    """What an environment version is defined by: an image, one with a conda file, a build context, or it is curated."""

    name: str
    version: str
    image: str | None
    conda_file: str | None
    context_uri: str | None
    dockerfile: str
    curated: Curated | None

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


def find(context: Context, reference: str) -> Definition:
    """The definition of what a reference names.

    It is an ARM id, a registry's URI (`…/versions/1` or `…/labels/latest`), or in short `name:version` or
    `name@latest`, with or without `azureml:` before it. Raises ServiceError.
    """
    stored = assets.find(context, environments.KIND, reference)
    properties, name = stored["properties"], str(stored["id"].split("/")[-3])
    build: Mapping[str, Any] = properties.get("build") or {}
    image = properties.get("image")
    try:
        curated = context.catalogue.find(name) if properties.get("environmentType") == "Curated" else None
        if curated is None and image and not properties.get("condaFile"):
            curated = context.catalogue.of_image(image)
    except CatalogueError as error:
        raise bad_request(f"the catalogue of curated environments: {error}") from error
    return Definition(
        name=name,
        version=str(stored["name"]),
        image=image,
        conda_file=properties.get("condaFile"),
        context_uri=build.get("contextUri"),
        dockerfile=str(build.get("dockerfilePath") or "Dockerfile"),
        curated=curated,
    )


def executor(context: Context, variables: Mapping[str, str]) -> str:
    """How a node with these environment variables is run: one of EXECUTORS. Raises ServiceError (400)."""
    chosen = variables.get(EXECUTOR, context.settings.executor).lower()
    if chosen not in EXECUTORS:
        raise bad_request(f"{EXECUTOR} is {chosen!r}, not one of {', '.join(EXECUTORS)}")
    return chosen


def check(context: Context, reference: str | None, where: str, variables: Mapping[str, str] | None = None) -> None:
    """Raise ServiceError (400, 501) for an environment that a job cannot have; `where` begins the message.

    What only its build shows fails the job, as on Azure.
    """
    if reference is None:
        raise bad_request(f"{where} has no environment")
    try:
        definition = find(context, reference)
    except ServiceError as error:
        raise bad_request(f"{where}: {_not_found(context, reference, error)}") from error
    chosen = executor(context, variables or {})
    if chosen == DOCKER or not definition.image:
        return
    language = images.describe(definition.image).language
    docker = Docker(context.settings.ports.proxy)
    if language and not (chosen == AUTO and docker.image(definition.image)):
        raise not_implemented(
            f"{where}: an environment for {language} (image {definition.image}) without Docker and the image on this "
            "machine"
        )


def _not_found(context: Context, reference: str, error: ServiceError) -> str:
    told = f"the environment {reference} is not found"
    if error.status != 404:  # noqa: PLR2004 - HTTP's
        return error.message
    if "//registries/azureml/" in reference or "azureml-" in reference.rpartition("/")[2].lower():
        return f"{told}; the emulator's catalogue has {', '.join(context.catalogue.names())}"
    return told


def requirements(definition: Definition, own: Mapping[str, str]) -> Requirements:
    """What a virtual environment in place of the environment needs; `own` are a user's additions to conda's table.

    Raises UnusableEnvironment.
    """
    if definition.curated is not None:
        return of_curated(definition.curated)
    image = images.describe(str(definition.image))
    if definition.conda_file:
        found = conda.read(definition.conda_file, own)
        note = f"Image {image.name} is not run here: the packages of the conda file are installed on this machine"
        return _with_notes(found, note)
    return of_image(image)


def of_curated(curated: Curated) -> Requirements:
    """What stands for one of Azure's curated environments."""
    note = (
        f"{curated.name} is one of Azure's curated environments ({curated.about}): its image is not run here, packages "
        "for CPUs that are like its own are installed on this machine"
    )
    return Requirements(curated.python, curated.pip, tuple(sorted(curated.variables.items())), (note,))


def of_image(image: images.Image) -> Requirements:
    """What stands for an image that nothing is installed on. Raises UnusableEnvironment if it is not for Python."""
    if image.language:
        raise UnusableEnvironment(f"image {image.name} is for {image.language}, and only Docker can run it")
    note = f"Image {image.name} is not run here: plain Python on this machine stands for it"
    if not image.is_plain:
        note += "; what else the image holds is not known. Docker can run it, if it is there: executor docker"
    return Requirements(image.python, notes=(note,))


def _with_notes(found: Requirements, note: str) -> Requirements:
    return Requirements(found.python, found.pip, found.variables, (note, *found.notes))
