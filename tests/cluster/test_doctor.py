"""The doctor at a real cluster: what it finds in it, and what it says of one that lets nobody do anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions import cli

pytestmark = pytest.mark.timeout(180)

Found = dict[str, dict[str, str]]
Examine = Callable[..., tuple[int, Found]]


@pytest.fixture
def examine(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Examine:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "KUBECONFIG", "K8S_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)

    def call(namespace: str, kubeconfig: object = cluster.kubeconfig) -> tuple[int, Found]:
        capfd.readouterr()
        flags = ["--only=cluster", f"--namespace={namespace}", f"--kubeconfig={kubeconfig}"]
        status = cli.run(["doctor", "--json", *flags])
        return status, {check["name"]: check for check in json.loads(capfd.readouterr().out)["checks"]}

    return call


@pytest.fixture
def as_viewer(cluster: Any, namespace: str, tmp_path: Path) -> Iterator[Path]:
    """The kubeconfig of one who may look at everything in the namespace, and change nothing."""
    cluster.kubectl("create", "serviceaccount", "viewer", "-n", namespace)
    cluster.kubectl(
        "create", "rolebinding", "viewer", "-n", namespace, "--clusterrole=view", f"--serviceaccount={namespace}:viewer"
    )
    token = cluster.kubectl("create", "token", "viewer", "-n", namespace).strip()
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    file = tmp_path / "viewer.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    yield file
    file.unlink()


def test_all_is_well(examine: Examine, namespace: str, cluster: Any) -> None:
    status, found = examine(namespace)
    assert {check["status"] for check in found.values()} == {"ok"}, found
    assert status == 0
    version = json.loads(cluster.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    assert f"is Kubernetes {version}" in found["cluster"]["found"]
    assert found["access"]["found"] == f"all 16 verbs that kube-deploy needs in {namespace}"
    assert found["pod-security"]["found"] == f"{namespace} enforces restricted"


def test_a_namespace_that_is_not_there(examine: Examine) -> None:
    status, found = examine("nowhere")
    assert status == 1
    assert (found["namespace"]["status"], found["namespace"]["found"]) == ("wrong", "namespace nowhere does not exist")
    assert found["namespace"]["fix"].startswith("kubectl create namespace nowhere")
    assert {found[name]["status"] for name in ("access", "pod-security")} == {"skipped"}


def test_one_who_may_only_look(examine: Examine, namespace: str, as_viewer: Path) -> None:
    status, found = examine(namespace, as_viewer)
    assert status == 1
    access = found["access"]
    assert access["status"] == "wrong"
    assert f"system:serviceaccount:{namespace}:viewer may not do in {namespace}" in access["found"]
    assert "deployments: create, patch, update, delete" in access["found"]
    assert "pods/portforward: create" in access["found"]
    assert "pods/log" not in access["found"]
    assert f"--clusterrole=edit --user=system:serviceaccount:{namespace}:viewer" in access["fix"]
    assert {name for name, check in found.items() if check["status"] == "wrong"} == {"access"}


def test_what_the_doctor_advises_is_enough(examine: Examine, namespace: str, as_viewer: Path, cluster: Any) -> None:
    _, found = examine(namespace, as_viewer)
    cluster.kubectl(*found["access"]["fix"].split()[1:])
    status, mended = examine(namespace, as_viewer)
    assert status == 0, mended


def test_a_token_that_is_none(examine: Examine, namespace: str, cluster: Any, tmp_path: Path) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": "no-such-token-77d0"}} for user in config["users"]]
    file = tmp_path / "stranger.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    status, found = examine(namespace, file)
    assert status == 1
    assert found["cluster"]["status"] == "wrong" or found["namespace"]["status"] == "wrong", found
    assert "no-such-token-77d0" not in json.dumps(found)


def test_pods_that_may_do_what_they_like(examine: Examine, namespace: str, cluster: Any) -> None:
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce-")
    status, found = examine(namespace)
    assert status == 0
    assert found["pod-security"]["status"] == "warning"
    cluster.kubectl(*found["pod-security"]["fix"].split()[1:])
    assert examine(namespace)[1]["pod-security"]["status"] == "ok"


def test_no_kubectl(examine: Examine, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        status, found = examine(namespace)
    assert status == 1
    assert found["cluster"]["found"].startswith("kubectl is not on the PATH")
