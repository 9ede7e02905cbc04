"""A real Docker daemon, and registries with and without a password, as the actions meet them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox import debian_tree, paths
from sandbox.docker import DockerDaemon, ensure_docker, stop_docker
from sandbox.registry import Account, Registry

ACCOUNT = Account("robot", "correct horse battery staple")


def _require_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("starting a Docker daemon takes root")


@dataclass(frozen=True)
class Client:
    """The docker client, and a daemon for it."""

    environment: dict[str, str]

    def run(self, *arguments: str | Path, check: bool = True) -> str:
        done = subprocess.run(
            ["docker", *map(str, arguments)],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"docker {arguments[0]}: {done.stderr}"
        return (done.stdout + ("" if check else done.stderr)).strip()


@pytest.fixture(scope="session")
def docker() -> Iterator[Client]:
    _require_root()
    was_running = DockerDaemon(paths.state() / "docker").runs()
    yield Client(ensure_docker())
    if not was_running:
        stop_docker()


@pytest.fixture(scope="session")
def shell_image(docker: Client) -> Iterator[str]:
    """An image with a shell, so that steps can run and fail."""
    name = "mlops-actions-test/shell:1"
    docker.run("import", debian_tree.ensure_tar(), name)
    yield name
    docker.run("rmi", "--force", name)


@contextmanager
def _started(registry: Registry, docker: Client) -> Iterator[Registry]:
    """Run a registry; what was built for it goes from Docker in the end."""
    registry.start()
    try:
        yield registry
    finally:
        registry.stop()
        # By name, which is never refused: an image may not go by its id before those that are built on it.
        names = "{{.Repository}}:{{.Tag}}"
        built = docker.run("images", f"--format={names}", f"--filter=reference={registry.address}/*/*").split()
        if tagged := [name for name in built if not name.endswith(":<none>")]:
            docker.run("rmi", "--force", *tagged)


@pytest.fixture(scope="session")
def registry(docker: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with _started(Registry.on_free_port(tmp_path_factory.mktemp("registry")), docker) as started:
        yield started


@pytest.fixture(scope="session")
def guarded_registry(docker: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that asks for a password."""
    with _started(Registry.on_free_port(tmp_path_factory.mktemp("guarded-registry"), ACCOUNT), docker) as started:
        yield started


@pytest.fixture
def new_daemon() -> Iterator[Callable[[], DockerDaemon]]:
    """Makes Docker daemons for one test: in folders with a short path, as their sockets must have."""
    _require_root()
    made: list[DockerDaemon] = []

    def make() -> DockerDaemon:
        made.append(DockerDaemon(Path(tempfile.mkdtemp(prefix="docker-"))))
        return made[-1]

    yield make
    for daemon in made:
        daemon.stop()
        shutil.rmtree(daemon.folder)


@dataclass
class Step:
    """What a step finds and leaves: the runner's files, and the user's own docker configuration."""

    folder: Path
    context: Path = field(init=False)
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = self.folder / "context"
        for name in ("context", "temp", "docker-config"):
            (self.folder / name).mkdir()
        (self.folder / "docker-config" / "config.json").write_text('{"auths": {}}')

    def dockerfile(self, text: str) -> Path:
        file = self.context / "Dockerfile"
        file.write_text(text)
        return file

    def outputs(self) -> dict[str, str]:
        lines = (self.folder / "output").read_text().splitlines()
        assert all("<<" in first for first in lines[::3])
        return {first.partition("<<")[0]: value for first, value in zip(lines[::3], lines[1::3], strict=True)}

    def summary(self) -> str:
        return (self.folder / "summary").read_text()

    def assert_nothing_is_left(self) -> None:
        assert list((self.folder / "temp").iterdir()) == []
        # BuildKit keeps an id there.
        assert {file.name for file in (self.folder / "docker-config").iterdir()} <= {"config.json", ".buildNodeID"}
        assert (self.folder / "docker-config" / "config.json").read_text() == '{"auths": {}}'


@pytest.fixture
def step(tmp_path: Path, docker: Client, monkeypatch: pytest.MonkeyPatch) -> Step:
    """A step of a push to main."""
    made = Step(tmp_path)
    made.environment = {
        **docker.environment,
        "DOCKER_CONFIG": str(tmp_path / "docker-config"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SHA": "90dd6032fac8bda1b6c4436a2e65de27961ed071",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "some-org/some-repo",
        "GITHUB_WORKSPACE": str(tmp_path),
        "RUNNER_TEMP": str(tmp_path / "temp"),
    }
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("INPUTS", "DOCKER_BUILDKIT"):
        monkeypatch.delenv(name, raising=False)
    return made
