"""build-image called wrongly: one line that names the cause, and nothing left behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_actions.build_image import build_image
from mlops_actions.errors import ActionError
from sandbox.registry import Registry
from tests.integration.images.conftest import ACCOUNT, Client, Step

SCRATCH = "FROM scratch\nCOPY Dockerfile /\n"


@pytest.fixture(params=["BuildKit", "the old builder"], autouse=True)
def builder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """Both builders, which word their errors differently."""
    if request.param == "BuildKit":
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "docker").symlink_to("/usr/bin/docker")
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    else:
        monkeypatch.setenv("DOCKER_BUILDKIT", "0")


@pytest.fixture
def silent_address() -> Iterator[str]:
    """An address that nobody listens at, for as long as the test has it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def error_of(step: Step, **arguments: object) -> ActionError:
    with pytest.raises(ActionError) as raised:
        build_image(**{"context": step.context, "image": "org/wrong", "push": False, **arguments})  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    assert not (step.folder / "summary").exists()
    step.assert_nothing_is_left()
    return raised.value


def test_no_context(step: Step) -> None:
    folder = step.folder / "nowhere"
    assert str(error_of(step, context=folder)) == f"context: there is no folder {folder}"


def test_no_dockerfile(step: Step) -> None:
    assert f"file: there is no Dockerfile {step.context}/Dockerfile" in str(error_of(step))
    assert "file: there is no Dockerfile other" in str(error_of(step, file=Path("other")))


@pytest.mark.parametrize(
    ("image", "cause"),
    [
        ("org/has space", "is not the name of an image"),
        ("", "is not the name of an image"),
        ("org//name", "is not the name of an image"),
        ("org/name:v1", "has a tag; leave it out, and use tags"),
        (f"org/name@sha256:{'0' * 64}", "has a digest; leave it out, and use tags"),
    ],
)
def test_no_name_of_an_image(step: Step, image: str, cause: str) -> None:
    step.dockerfile(SCRATCH)
    assert cause in str(error_of(step, image=image))


def test_two_registries(step: Step) -> None:
    step.dockerfile(SCRATCH)
    error = error_of(step, image="ghcr.io/org/name", registry="quay.io")
    assert str(error) == "image: 'ghcr.io/org/name' is in ghcr.io, but registry is 'quay.io'; leave one out"


def test_a_tag_that_is_none(step: Step) -> None:
    step.dockerfile(SCRATCH)
    assert "tags: 'a b' is not a tag" in str(error_of(step, tags=("a b",)))


def test_a_step_that_fails(step: Step, docker: Client, shell_image: str) -> None:
    before = docker.run("ps", "--all", "--quiet")
    file = step.dockerfile(
        f"FROM {shell_image} AS first\nRUN true\nFROM {shell_image}\n# before\nRUN test -d / && \\\n"
        "    # inside\n    echo 'no rule to make target' >&2 && \\\n    exit 7\nRUN echo never\n"
    )
    error = error_of(step, network="none")
    assert str(error).startswith(f"{file}:5 does not build: `RUN test -d / && ")
    assert str(error).endswith("` failed: exit status 7: no rule to make target")
    assert (error.file, error.line) == (str(file), 5)
    assert docker.run("ps", "--all", "--quiet") == before


def test_an_instruction_that_does_not_exist(step: Step, shell_image: str) -> None:
    file = step.dockerfile(f"FROM {shell_image}\n\nRUX true\n")
    error = error_of(step)
    assert str(error).startswith(f"{file}:3 does not build: unknown instruction: RUX")
    assert error.line == 3


def test_a_file_that_is_not_in_the_context(step: Step) -> None:
    file = step.dockerfile("FROM scratch\nCOPY model/ /model/\n")
    error = error_of(step)
    assert str(error).startswith(f"{file}:2 does not build: `COPY model/ /model/` failed: ")
    assert "not found" in str(error)


def test_a_base_image_that_does_not_exist(step: Step, registry: Registry) -> None:
    base = f"{registry.address}/no/such:1"
    file = step.dockerfile(f"FROM {base} AS build\nCOPY . /\n")
    error = error_of(step)
    assert str(error).startswith(f"{file}:1 does not build: `FROM {base}")
    assert "not found" in str(error)


def test_a_base_image_that_the_password_is_missing_for(step: Step, guarded_registry: Registry) -> None:
    step.dockerfile(f"FROM {guarded_registry.address}/org/base:main\n")
    error = str(error_of(step))
    assert f"`FROM {guarded_registry.address}/org/base:main` failed" in error
    assert "no basic auth credentials" in error or "401 Unauthorized" in error


def test_a_wrong_password(step: Step, guarded_registry: Registry) -> None:
    step.dockerfile(SCRATCH)
    error = error_of(step, image=f"{guarded_registry.address}/org/wrong", username="robot", password="wrong", push=True)
    assert str(error) == f"{guarded_registry.address} refuses username 'robot' with this password; check both"


def test_a_username_or_a_password_alone(step: Step) -> None:
    step.dockerfile(SCRATCH)
    assert str(error_of(step, username="robot")).startswith("username is given alone")
    assert str(error_of(step, password="secret")).startswith("password is given alone")


def test_no_login_where_one_is_asked_for(step: Step, guarded_registry: Registry) -> None:
    step.dockerfile(SCRATCH)
    name = f"{guarded_registry.address}/org/wrong"
    error = str(error_of(step, image=name, push=True))
    assert error.startswith(f"{name}:main was not pushed: ")
    assert error.endswith("; give username and password of an account that may push there")


def test_a_registry_that_does_not_answer(step: Step, silent_address: str) -> None:
    step.dockerfile(SCRATCH)
    error = str(error_of(step, image=f"{silent_address}/org/wrong", push=True))
    assert error.startswith(f"{silent_address}/org/wrong:main was not pushed: ")
    assert error.endswith("connection refused; check the registry's address")
    account = {"username": ACCOUNT.username, "password": ACCOUNT.password}
    error = str(error_of(step, image=f"{silent_address}/org/wrong", push=True, **account))
    assert error.startswith(f"no login to {silent_address}: ")
    assert "connection refused" in error


def test_no_daemon(step: Step, docker: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    step.dockerfile(SCRATCH)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{step.folder}/nobody.sock")
    assert str(error_of(step)).startswith("no Docker daemon answers (Cannot connect to the Docker daemon")


def test_no_client(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    step.dockerfile(SCRATCH)
    monkeypatch.setenv("PATH", str(step.context))
    assert str(error_of(step)).startswith("docker is not on the PATH")
