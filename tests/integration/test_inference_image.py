"""The image of the inference service, really built on the sandbox's base image, and run as Kubernetes will run it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

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
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    context = tmp_path_factory.mktemp("docker") / "context"
    shutil.copytree(INFERENCE, context, ignore=shutil.ignore_patterns(".venv", "__pycache__", ".*_cache", "model"))
    (context / "model").mkdir()
    uv = os.environ.get("UV", "uv")
    command = [uv, "run", "--frozen", "--project", INFERENCE, "python", "-m", "tests.colour_model", context / "model"]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(command, cwd=INFERENCE, env=environment, check=True)
    for file in (context / "model").iterdir():
        file.chmod(0o600)  # as a strict umask leaves it
    base = ensure_base_image()
    name = f"animal-classifier-test:{uuid.uuid4().hex[:8]}"
    arguments = [word for key, value in VERSION.items() for word in ("--build-arg", f"{key}={value}")]
    docker("build", "--network", "host", "--build-arg", f"BASE_IMAGE={base}", *arguments, "--tag", name, context)
    yield name
    docker("rmi", "--force", name)


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


def test_it_runs_as_nobody_and_holds_no_more_than_it_needs(image: str) -> None:
    settings = json.loads(docker("inspect", image))[0]
    assert settings["Config"]["User"] == "10001:10001"
    listing = docker(
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        "/bin/ls",
        image,
        "-1",
        "/app/.venv/lib/python3.11/site-packages",
    )
    installed = set(listing.split())
    assert {"onnxruntime", "PIL", "fastapi"} <= installed
    assert not {"tensorflow", "keras", "pytest", "onnx", "mypy"} & installed
    base = json.loads(docker("inspect", ensure_base_image()))[0]
    assert settings["Size"] - base["Size"] < 300 * 10**6
