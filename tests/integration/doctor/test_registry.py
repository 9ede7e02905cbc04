"""The doctor's checks of a registry, against one that wants a password, and of a cluster that is not there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mlops_actions.image_reference import ImageReference
from mlops_actions.registry_api import RegistryRefusedError
from mlops_actions.registry_push import check_push
from sandbox.registry import Account, Registry

from .conftest import Examine

ACCOUNT = Account("robot", "correct horse battery staple")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    registry = Registry.on_free_port(tmp_path_factory.mktemp("registry"), ACCOUNT)
    registry.start()
    yield registry
    registry.stop()


def uploads(registry: Registry) -> list[Path]:
    """The uploads that were begun and have not ended (of one that has, the registry keeps the state of its hash)."""
    return list(registry.folder.glob("images/**/_uploads/*/startedat"))


def test_no_login(examine: Examine, guarded: Registry) -> None:
    found = examine("registry", image=f"{guarded.address}/team/app")
    told, fix = found.only("registry", "wrong")
    assert "asks for a login" in told or "answered 401" in told
    assert f"docker login {guarded.address}" in fix
    assert found.checks["push"]["status"] == "skipped"


def test_a_login_of_dockers(examine: Examine, guarded: Registry, tmp_path: Path) -> None:
    login = base64.b64encode(f"{ACCOUNT.username}:{ACCOUNT.password}".encode()).decode()
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {guarded.address: {"auth": login}}}))
    found = examine("registry", image=f"{guarded.address}/team/app")
    assert found.status == 0, found.checks
    assert found.checks["registry"]["found"].endswith(f"answers, and has no {guarded.address}/team/app yet")
    assert found.checks["push"]["found"].endswith("was begun with what docker login left, and cancelled")
    assert uploads(guarded) == []


def test_a_login_in_variables(examine: Examine, guarded: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE", f"{guarded.address}/team/app")
    monkeypatch.setenv("REGISTRY_USERNAME", ACCOUNT.username)
    monkeypatch.setenv("REGISTRY_PASSWORD", ACCOUNT.password)
    found = examine("registry")
    assert found.status == 0, found.checks
    assert f"with user {ACCOUNT.username}" in found.checks["push"]["found"]

    monkeypatch.setenv("REGISTRY_PASSWORD", "wrong-password-9c1d")
    refused = examine("registry")
    assert "answered 401" in refused.only("registry", "wrong")[0]
    assert "wrong-password-9c1d" not in refused.said
    assert ACCOUNT.password not in found.said


def test_a_push_alone_is_refused_too(guarded: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    reference = ImageReference.parse(f"{guarded.address}/team/app")
    with pytest.raises(RegistryRefusedError):
        check_push(reference, ("robot", "wrong"))
    assert check_push(reference, (ACCOUNT.username, ACCOUNT.password))


def test_no_registry(examine: Examine) -> None:
    told, fix = examine("registry", image="127.0.0.1:9/team/app").only("registry", "wrong")
    assert told.startswith("127.0.0.1:9 does not answer: ")
    assert "is the registry's name right?" in fix
    assert "no image is named" in examine("registry").only("registry", "wrong")[0]
    assert "is not the name of an image" in examine("registry", image="Some Image").only("registry", "wrong")[0]


def test_no_cluster(examine: Examine, tmp_path: Path) -> None:
    assert "no cluster is named" in examine("cluster").only("cluster", "wrong")[0]

    file = tmp_path / "kubeconfig"
    dead = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "dead", "cluster": {"server": "https://127.0.0.1:9"}}],
        "users": [{"name": "me", "user": {"token": "secret-token-51ef"}}],
        "contexts": [{"name": "dead", "context": {"cluster": "dead", "user": "me"}}],
        "current-context": "dead",
    }
    file.write_text(yaml.safe_dump(dead))
    found = examine("cluster", kubeconfig=file)
    told, fix = found.only("cluster", "wrong")
    assert told.startswith("the cluster at https://127.0.0.1:9 does not answer: ")
    assert "az aks get-credentials" in fix
    assert found.by_status("skipped") == {"namespace", "access", "pod-security"}
    assert "secret-token-51ef" not in found.said

    assert "has no 'live', only: dead" in examine("cluster", kubeconfig=file, context="live").checks["cluster"]["found"]
    missing = examine("cluster", kubeconfig=tmp_path / "nothing").only("cluster", "wrong")
    assert "there is no file" in missing[0]
