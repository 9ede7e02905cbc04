"""The sandbox's registry: with and without a password, and beside another program on its port."""

from __future__ import annotations

import base64
import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import registry as sandbox_registry
from sandbox.processes import SandboxError
from sandbox.registry import Registry, ensure_registry, stop_registry
from tests.integration.images.conftest import ACCOUNT


def status(address: str, password: str | None = None) -> int:
    request = urllib.request.Request(f"http://{address}/v2/")
    if password is not None:
        text = base64.b64encode(f"{ACCOUNT.username}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {text}")
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """What the sandbox would start here: its state and port, moved."""
    registry = Registry.on_free_port(tmp_path / "registry")
    monkeypatch.setenv("SANDBOX_STATE", str(tmp_path))
    monkeypatch.setattr(sandbox_registry, "PORT", registry.port)
    yield registry
    registry.stop()


def test_a_guarded_one_takes_its_password_only(guarded_registry: Registry) -> None:
    assert status(guarded_registry.address) == 401
    assert status(guarded_registry.address, "wrong") == 401
    assert status(guarded_registry.address, ACCOUNT.password) == 200


def test_it_is_started_once_and_stopped(own: Registry) -> None:
    assert ensure_registry() == own.address
    pid = (own.folder / "pid" / "registry").read_text()
    assert ensure_registry() == own.address
    assert (own.folder / "pid" / "registry").read_text() == pid
    assert status(own.address) == 200
    stop_registry()
    assert not own.runs()
    stop_registry()


def test_one_that_runs_already_is_used_and_never_stopped(own: Registry, tmp_path: Path) -> None:
    theirs = Registry(tmp_path / "theirs", own.port)
    theirs.start()
    try:
        assert ensure_registry() == theirs.address
        stop_registry()
        assert theirs.runs()
        assert not own.folder.exists()
    finally:
        theirs.stop()


def test_a_port_that_is_taken_is_told(own: Registry) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", own.port), http.server.BaseHTTPRequestHandler) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            with pytest.raises(SandboxError, match=f"{own.address} is taken by a program that answers 501"):
                ensure_registry()
        finally:
            other.shutdown()
            thread.join()
