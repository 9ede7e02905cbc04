"""The real cluster and registry of the sandbox, a small service to deploy, and a namespace for each test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import paths
from sandbox.kubernetes import cluster as sandbox_cluster
from sandbox.kubernetes import ensure_cluster, kubectl, stop_cluster
from sandbox.kubernetes.static_image import StaticImage
from sandbox.registry import PORT, Registry, ensure_registry, stop_registry

SOURCE = Path(__file__).parent / "probe_app"


@dataclass(frozen=True)
class Cluster:
    kubeconfig: Path
    is_ours: bool
    """Whether these tests started it."""

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        done = subprocess.run(
            [str(kubectl()), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout if done.returncode == 0 else done.stderr

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    was_running = sandbox_cluster.running()
    config = ensure_cluster()
    former = os.environ["PATH"]
    os.environ["PATH"] = f"{kubectl().parent}{os.pathsep}{former}"
    try:
        yield Cluster(config, not was_running and sandbox_cluster.given_kubeconfig() is None)
    finally:
        os.environ["PATH"] = former
        if not was_running:
            stop_cluster()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": restricted}}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(document))
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@dataclass(frozen=True)
class ProbeApp:
    """Pushes variants of the service; an image's name carries its digest."""

    registry: str
    binary: Path

    def image(self, version: str, *, fault: str = "", labels: dict[str, str] | None = None, tag: str = "latest") -> str:
        image = StaticImage.of(self.binary, labels=labels, env={"VERSION": version, "FAULT": fault})
        return f"{self.registry}/probe-app@{image.push(self.registry, 'probe-app', tag)}"


@pytest.fixture(scope="session")
def registry() -> Iterator[str]:
    was_running = Registry(paths.state() / "registry", PORT).runs()
    yield ensure_registry()
    if not was_running:
        stop_registry()


@pytest.fixture(scope="session")
def probe_app(registry: str, tmp_path_factory: pytest.TempPathFactory) -> ProbeApp:
    binary = tmp_path_factory.mktemp("probe-app") / "app"
    env = {**os.environ, "CGO_ENABLED": "0"}
    argv = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", str(binary), "."]
    subprocess.run(argv, cwd=SOURCE, env=env, check=True)
    return ProbeApp(registry, binary)


@dataclass(frozen=True)
class Manifests:
    """A kustomize folder of the probe app that a test may change."""

    folder: Path

    def edit(self, file: str, change: Callable[[Any], object]) -> None:
        """Apply `change` to the YAML document in `file`."""
        document = yaml.safe_load((self.folder / file).read_text())
        change(document)
        (self.folder / file).write_text(yaml.safe_dump(document))

    def edit_container(self, **fields: object) -> None:
        self.edit("deployment.yaml", lambda d: d["spec"]["template"]["spec"]["containers"][0].update(fields))


@pytest.fixture
def manifests(tmp_path: Path) -> Manifests:
    return Manifests(Path(shutil.copytree(Path(__file__).parent / "manifests", tmp_path / "manifests")))
