"""Images made by Docker for an environment: of a build context, or of an image with the packages of a conda file.

They are kept by their content: one is built again only if the files, or the images that they begin with, have changed.
"""

from __future__ import annotations

import hashlib
import shlex
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from . import conda, dockerfile
from .definition import Log, UnusableEnvironment
from .docker import Docker

_REPOSITORY = "azureml-emulator/environment"
_FOLDER = "/azureml-envs/job"


def missing(docker: Docker, text: str) -> list[str]:
    """The images that a Dockerfile begins with and that are not on this machine. Raises UnusableEnvironment."""
    return [image for image in dockerfile.bases(text) if docker.image(image) is None]


def of_context(docker: Docker, context: Path, file: Path, *, log: Log, cancel: threading.Event) -> str:
    """The image of a build context. Raises UnusableEnvironment or Canceled."""
    bases = dockerfile.bases(file.read_text(encoding="utf-8"))
    tag = f"{_REPOSITORY}:{_key(docker, context, file, bases)}"
    if docker.image(tag) is not None:
        log.line(f"Image {tag} found in Docker: it was built of the same build context")
        return tag
    log.line(f"Docker builds image {tag} of the build context")
    docker.build(context, file, tag, log=log, cancel=cancel)
    return tag


def _key(docker: Docker, context: Path, file: Path, bases: list[str]) -> str:
    digest = hashlib.sha256()
    parts = [*(f"{base} {docker.image(base)}" for base in bases), str(file.relative_to(context))]
    for part in parts:
        digest.update(f"{part}\0".encode())
    for path in sorted(context.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(context)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def with_conda_file(
    docker: Docker, image: str, conda_file: str, own: Mapping[str, str], *, log: Log, cancel: threading.Event
) -> str:
    """An image with a conda file's packages: by conda if the image has it, else by pip as far as PyPI has them.

    Raises UnusableEnvironment or Canceled.
    """
    try:
        lines = "\n".join(conda.read(conda_file, own).pip)
        otherwise = f"python3 -m venv {_FOLDER} && {_FOLDER}/bin/python -m pip install --requirement requirements.txt"
    except UnusableEnvironment as error:
        lines, otherwise = "", f"echo {shlex.quote(f'the image has no conda, and {error}')} >&2; exit 1"
    variables = {**dict(_variables(conda_file)), "CONDA_PREFIX": _FOLDER, "CONDA_DEFAULT_ENV": _FOLDER}
    with tempfile.TemporaryDirectory(prefix="azureml-emulator-") as folder:
        context = Path(folder)
        (context / "conda.yaml").write_text(conda_file)
        (context / "requirements.txt").write_text(f"{lines}\n")
        file = context / "Dockerfile"
        file.write_text(
            f"FROM {image}\n"
            "WORKDIR /azureml-environment-setup\n"
            "COPY conda.yaml requirements.txt ./\n"
            "RUN if command -v conda >/dev/null; "
            f"then conda env create --quiet --prefix {_FOLDER} --file conda.yaml; else {otherwise}; fi\n"
            f"ENV PATH={_FOLDER}/bin:$PATH\n"
            + "".join(f"ENV {name}={_quoted(value)}\n" for name, value in sorted(variables.items()))
        )
        return of_context(docker, context, file, log=log, cancel=cancel)


def _variables(conda_file: str) -> tuple[tuple[str, str], ...]:
    try:
        return conda.read(conda_file).variables
    except UnusableEnvironment:
        return ()


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", " ") + '"'
