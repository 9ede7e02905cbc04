"""The base image: a Python as python:3.11-slim has it, that trusts whom this machine trusts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import base_image, debian_tree, paths
from sandbox.processes import SandboxError
from sandbox.registry import PORT, Registry, stop_registry
from tests.integration.images.conftest import Client

pytestmark = pytest.mark.timeout(900)  # where it is made for the first time


@pytest.fixture(scope="module")
def base(docker: Client) -> Iterator[str]:
    was_running = Registry(paths.state() / "registry", PORT).runs()
    yield base_image.ensure_base_image()
    if not was_running:
        stop_registry()


def test_it_has_what_an_image_for_python_has(base: str, docker: Client) -> None:
    check = "import ssl, sqlite3, ctypes, venv, sys; print(sys.version_info[:2])"
    assert docker.run("run", "--rm", "--network=none", base, "python", "-c", check) == "(3, 11)"
    assert docker.run("run", "--rm", "--network=none", base, "pip", "--version").startswith("pip ")
    made = docker.run("run", "--rm", "--network=none", base, "sh", "-c", "python3 -m venv /v && /v/bin/pip --version")
    assert "/v/lib/python3.11" in made


def test_it_is_small(base: str, docker: Client) -> None:
    assert int(docker.run("image", "inspect", "--format={{.Size}}", base)) < 160 * 10**6


def test_it_trusts_whom_this_machine_trusts(base: str, docker: Client) -> None:
    settings = json.loads(docker.run("image", "inspect", "--format={{json .Config.Env}}", base))
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    assert {f"{name}={bundle}" for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")} <= set(settings)
    count = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"
    trusted = docker.run("run", "--rm", "--network=none", base, "cat", bundle)
    assert base_image.machine_authorities() <= set(base_image.certificates(trusted))
    assert int(docker.run("run", "--rm", "--network=none", base, "python", "-c", count)) > 100


def test_it_installs_from_the_package_index(base: str, docker: Client) -> None:
    """What needs the machine's authorities: a build that pip installs something in."""
    install = ("pip", "install", "--quiet", "--no-cache-dir", "--no-deps", "--target=/t", "idna")
    assert docker.run("run", "--rm", "--network=host", base, *install) == ""


def test_it_is_made_once(base: str, docker: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("it was made again")

    monkeypatch.setattr(base_image, "_build", fail)
    assert base_image.ensure_base_image() == base
    docker.run("rmi", "--force", base)
    assert base_image.ensure_base_image() == base
    assert docker.run("images", "--quiet", base)


def test_apt_sources_are_debians() -> None:
    sources = debian_tree.apt_sources()
    assert debian_tree.SUITE in {source.suite for source in sources}
    assert all(source.suite.startswith(debian_tree.SUITE) for source in sources)


def test_a_mirror_that_fails_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    nowhere = debian_tree.AptSource(f"file://{tmp_path}/no-mirror", debian_tree.SUITE)
    monkeypatch.setattr(debian_tree, "apt_sources", lambda: [nowhere])
    with pytest.raises(SandboxError, match=r"debootstrap file:///\S+ failed: "):
        debian_tree.ensure_tar()
    assert [file.name for file in (tmp_path / "mlops-actions" / "base-image").iterdir()] == ["lock"]
