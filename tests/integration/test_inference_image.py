"""The image of the inference service, really built on the sandbox's base image, and run as Kubernetes will run it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.serving import image_size, photos
from sandbox.base_image import ensure_base_image
from sandbox.docker import ensure_docker

INFERENCE = Path(__file__).parents[2] / "inference"
VERSION = {"GIT_COMMIT": "0123abc", "AZUREML_JOB": "animals-1", "MODEL_NAME": "animals", "MODEL_VERSION": "7"}

pytestmark = pytest.mark.timeout(900)


def docker(*arguments: str | Path) -> str:
    ended = subprocess.run(
        ["docker", *arguments], env=os.environ | ensure_docker(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to build from, with a model."""
    folder = tmp_path_factory.mktemp("docker") / "context"
    shutil.copytree(INFERENCE, folder, ignore=shutil.ignore_patterns(".venv", "__pycache__", ".*_cache", "model"))
    (folder / "model").mkdir()
    uv = os.environ.get("UV", "uv")
    command = [uv, "run", "--frozen", "--project", INFERENCE, "python", "-m", "tests.colour_model", folder / "model"]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(command, cwd=INFERENCE, env=environment, check=True)
    for file in (folder / "model").iterdir():
        file.chmod(0o600)  # as a strict umask leaves it
    return folder


@contextmanager
def built(context: Path, *options: str) -> Iterator[str]:
    """The name of an image that is built from this folder, while it is there."""
    name = f"animal-classifier-test:{uuid.uuid4().hex[:8]}"
    arguments = [word for key, value in VERSION.items() for word in ("--build-arg", f"{key}={value}")]
    base = f"BASE_IMAGE={ensure_base_image()}"
    docker("build", "--network", "host", "--build-arg", base, *arguments, *options, "--tag", name, context)
    yield name
    docker("rmi", "--force", name)


@pytest.fixture(scope="module")
def image(context: Path) -> Iterator[str]:
    with built(context) as name:
        yield name


@pytest.fixture(scope="module")
def service(image: str) -> Iterator[str]:
    confined = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "512m")
    here = ("--network", "host", "--env", "HOST=127.0.0.1", "--env", "PORT=0")
    container = docker("run", "--detach", *confined, *here, image)
    try:
        with subprocess.Popen(
            ["docker", "logs", "--follow", container],
            env=os.environ | ensure_docker(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as logs:
            assert logs.stdout
            lines: list[str] = []
            for line in logs.stdout:
                lines.append(line)
                if started := re.search(r"running on (http\S+)", line):
                    break
            else:
                pytest.fail("the container ended: " + "".join(lines))
            yield started[1]
            docker("stop", container)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"
    finally:
        docker("rm", "--force", container)


def ask(url: str, content: bytes | None = None) -> tuple[int, dict[str, object]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data=content), timeout=20) as response:  # noqa: S310 - http
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_it_answers_on_a_read_only_file_system(service: str) -> None:
    photo = io.BytesIO()
    Image.new("RGB", (300, 200), (20, 230, 20)).save(photo, "JPEG")
    status, answer = ask(f"{service}/predict", photo.getvalue())
    assert (status, answer["label"]) == (200, "dogs")
    assert ask(f"{service}/readyz") == (200, {"status": "ready"})
    # Larger than what a form parser keeps in memory by itself.
    status, answer = ask(f"{service}/predict", photo.getvalue() + bytes(5 * 2**20))
    assert (status, answer["label"]) == (200, "dogs")
    assert ask(f"{service}/predict", b"text")[0] == 415


def test_it_tells_what_it_was_built_from(service: str) -> None:
    names = {"commit": "GIT_COMMIT", "job": "AZUREML_JOB", "model_name": "MODEL_NAME", "model_version": "MODEL_VERSION"}
    assert ask(f"{service}/version") == (200, {name: VERSION[key] for name, key in names.items()})


@pytest.fixture(scope="module")
def files(image: str) -> set[str]:
    """The paths of all files in the image, links included."""
    container = docker("create", image)
    try:
        command = ["docker", "export", container]
        with subprocess.Popen(command, env=os.environ | ensure_docker(), stdout=subprocess.PIPE) as export:
            assert export.stdout
            with tarfile.open(fileobj=export.stdout, mode="r|") as archive:
                return {f"/{member.name}" for member in archive if not member.isdir()}
    finally:
        docker("rm", "--force", container)


def test_it_runs_as_nobody_and_holds_no_more_than_it_needs(image: str, files: set[str]) -> None:
    settings = json.loads(docker("inspect", image))[0]
    assert settings["Config"]["User"] == "10001:10001"
    packages = "/app/.venv/lib/python3.11/site-packages"
    installed = {path.removeprefix(packages).split("/")[1] for path in files if path.startswith(packages)}
    assert {"onnxruntime", "PIL", "fastapi"} <= installed
    assert not {"tensorflow", "keras", "pytest", "onnx", "mypy", "pip", "setuptools"} & installed


def test_it_has_no_program_but_python(files: set[str]) -> None:
    programs = {path for path in files if re.search(r"/s?bin/", path)}
    assert {re.sub(r"[\d.]*$", "", path.rpartition("/")[2]) for path in programs} == {"python"}
    assert not [path for path in files if re.search(r"/(pip|ensurepip|distutils|setuptools|apt|perl5?)/", path)]


def test_scanners_are_told_which_packages_it_was_made_of(files: set[str]) -> None:
    recorded = {path.rpartition("/")[2] for path in files if path.startswith("/var/lib/dpkg/status.d/")}
    assert {"libc6", "libssl3", "libstdc++6"} <= recorded
    assert not {"bash", "dash", "dpkg", "perl-base", "libsqlite3-0"} & recorded
    assert "/etc/os-release" in files
    assert any(re.search(r"/onnxruntime-[\d.]+\.dist-info/METADATA$", path) for path in files)


def layers(image: str) -> list[str]:
    return list(json.loads(docker("inspect", image))[0]["RootFS"]["Layers"])


def sizes(image: str) -> list[int]:
    """Bytes of each layer, the last one first."""
    told = docker("history", "--human=false", "--format={{.Size}}", image).split()
    return [int(size) for size in told if int(size)]


def test_it_is_small(image: str) -> None:
    """Held against what lies above the interpreter and the libraries, and altogether."""
    model, code, packages, system = sizes(image)
    assert model + code + packages < 130 * 10**6
    assert system < 45 * 10**6  # a third of the base


def test_the_benchmark_measures_it(image: str, context: Path, tmp_path: Path) -> None:
    forms = photos.write_forms(photos.sample(count=1), tmp_path)
    found = image_size.figures(context / "model", forms, str)
    *beyond, system = sizes(image)
    assert found["image_measured"] == "docker history, docker run"
    assert (found["image_mb_beyond_base"], found["image_mb"]) == (
        round(sum(beyond) / 1e6, 1),
        round((sum(beyond) + system) / 1e6, 1),
    )
    assert 0 < float(found["image_seconds_to_first_prediction"]) < 60


def test_a_new_model_is_a_new_last_layer_and_new_code_the_last_two(image: str, context: Path, tmp_path: Path) -> None:
    """On another machine, too, where nothing is in a cache and all files have other dates."""
    newer = tmp_path / "newer"
    shutil.copytree(context, newer, copy_function=shutil.copyfile)
    description = newer / "model" / "model.json"
    description.write_text(description.read_text().replace("dogs", "wolves"))
    with built(newer, "--no-cache") as with_another_model:
        assert layers(with_another_model)[:-1] == layers(image)[:-1]
        assert layers(with_another_model)[-1] != layers(image)[-1]
        with (newer / "animal_classifier" / "__init__.py").open("a") as code:
            code.write("# Changed.\n")
        with built(newer) as with_other_code:
            assert layers(with_other_code)[:-2] == layers(image)[:-2]
            assert layers(with_other_code)[-2] != layers(image)[-2]
            assert layers(with_other_code)[-1] == layers(with_another_model)[-1]
