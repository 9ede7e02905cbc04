"""The service's image: how large it is beyond its interpreter, and how soon a container of it answers a first photo."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uv

from sandbox import paths
from sandbox.base_image import build_in
from sandbox.docker import DockerDaemon, answers
from sandbox.processes import SandboxError

from ..report import BenchmarkError
from . import environments
from .photos import Forms

STARTS = 5
"""The median of so many, of which the files have been read once before."""

_START_SECONDS = 60
_OK = 200
_CONFINED = ("--network=host", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=512m")


def figures(model: Path, forms: Forms, tell: Callable[[str], object]) -> dict[str, float | int | str]:
    """Sizes in 10^6 bytes, uncompressed, and seconds from `docker run` to the first prediction.

    Where there is no Docker and none can be started, the size is that of what would be copied into the image, and no
    start is measured; `image_measured` says which it was.
    """
    with tempfile.TemporaryDirectory(prefix="image-") as folder, _docker() as docker:
        context = Path(folder) / "context"
        shutil.copytree(environments.INFERENCE, context, ignore=shutil.ignore_patterns(".*", "__pycache__", "model"))
        shutil.copy(environments.INFERENCE / ".dockerignore", context)
        (context / "model").mkdir()
        for name in ("model.onnx", "model.json"):
            shutil.copy(model / name, context / "model")
        if docker is None:
            tell("no Docker: the size of the image is that of the files that would be in it")
            size = _installed(context)
            return {"image_mb_beyond_base": round(size / 1e6, 1), "image_measured": "files, without Docker"}
        tell("the image is built")
        return _of_image(docker, context, forms)


def _of_image(docker: _Docker, context: Path, forms: Forms) -> dict[str, float | int | str]:
    image = "animal-classifier-bench"
    base = build_in(docker.environment)
    docker.run("build", "--quiet", "--network=host", f"--build-arg=BASE_IMAGE={base}", f"--tag={image}", str(context))
    try:
        layers = [int(size) for size in docker.run("history", "--human=false", "--format={{.Size}}", image).split()]
        *beyond, system = (size for size in layers if size)
        seconds = [_first_prediction(docker, image, forms) for _ in range(STARTS + 1)][1:]
    finally:
        docker.run("rmi", "--force", image)
    return {
        "image_mb_beyond_base": round(sum(beyond) / 1e6, 1),
        "image_mb": round((sum(beyond) + system) / 1e6, 1),
        "image_mb_of_the_base": round(int(docker.run("image", "inspect", "--format={{.Size}}", base)) / 1e6, 1),
        "image_seconds_to_first_prediction": round(statistics.median(seconds), 3),
        "image_measured": "docker history, docker run",
    }


def _first_prediction(docker: _Docker, image: str, forms: Forms) -> float:
    """Seconds from the start of `docker run` to the answer. Raises BenchmarkError if there is none."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    began = time.perf_counter()
    container = docker.run("run", "--detach", *_CONFINED, "--env=HOST=127.0.0.1", f"--env=PORT={port}", image)
    try:
        while not _answers(port, forms):
            if time.perf_counter() - began > _START_SECONDS:
                said = docker.run("logs", "--tail=1", container)
                raise BenchmarkError(f"a container of the image answers no photo within {_START_SECONDS} s: {said}")
            time.sleep(0.005)
        return time.perf_counter() - began
    finally:
        docker.run("rm", "--force", container)


def _answers(port: int, forms: Forms) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_SECONDS)
    try:
        connection.request("POST", "/predict", (forms.folder / "0").read_bytes(), {"Content-Type": forms.content_type})
        return connection.getresponse().status == _OK
    except ConnectionError:
        return False
    finally:
        connection.close()


def _installed(context: Path) -> int:
    """Bytes of packages, code and model as the Dockerfile would make them of this folder."""
    environment = context.parent / ".venv"
    steps = (context / "Dockerfile").read_text()
    left_out = re.findall(r"--no-install-package (\S+)", steps)
    python = environments.python_of(environment)
    commands: tuple[Sequence[str | Path], ...] = (
        (
            uv.find_uv_bin(),
            "sync",
            "--quiet",
            "--frozen",
            "--no-dev",
            *(f"--no-install-package={name}" for name in left_out),
        ),
        (python, "image/slim.py", environment),
        (python, "image/elf.py", environment),
        (python, "-m", "compileall", "-q", environment / "lib", "animal_classifier"),
    )
    surroundings = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment), "UV_LINK_MODE": "copy"}
    surroundings.pop("VIRTUAL_ENV", None)
    for command in commands:
        ended = subprocess.run(command, cwd=context, env=surroundings, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise BenchmarkError(f"the image's packages can't be installed: {ended.stderr.strip().splitlines()[-1]}")
    shipped = (environment, context / "animal_classifier", context / "model")
    return sum(file.lstat().st_size for folder in shipped for file in folder.rglob("*") if not file.is_dir())


class _Docker:
    """The docker client, told where a daemon is."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def run(self, *arguments: str) -> str:
        """What the command prints. Raises BenchmarkError with its last line of error."""
        surroundings = {**os.environ, **self.environment}
        ended = subprocess.run(["docker", *arguments], env=surroundings, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            lines = (ended.stdout + ended.stderr).strip().splitlines()
            raise BenchmarkError(f"docker {arguments[0]} failed: {lines[-1] if lines else ended.returncode}")
        return ended.stdout.strip()


@contextmanager
def _docker() -> Iterator[_Docker | None]:
    """A Docker that runs, or one for the time being, of which nothing is left; None where neither can be had."""
    known = DockerDaemon(paths.state() / "docker")
    if known.runs():
        yield _Docker(known.environment)
    elif answers({}):
        yield _Docker({})
    else:
        own = DockerDaemon(Path(tempfile.mkdtemp(prefix="docker-")))
        try:
            try:
                own.start()
            except SandboxError:
                yield None
            else:
                yield _Docker(own.environment)
        finally:
            own.stop()
            shutil.rmtree(own.folder)
