"""kube-deploy against a real cluster: deployments that succeed, and what is left of those that fail."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.errors import ActionError
from mlops_actions.kube_deploy import DeploymentFailedError, KubeDeployOutputs, kube_deploy
from sandbox.processes import wait_for

pytestmark = pytest.mark.timeout(180)

Deploy = Callable[..., KubeDeployOutputs]


@pytest.fixture
def deploy(cluster: Any, namespace: str, manifests: Any) -> Deploy:
    def call(image: str, **changes: Any) -> KubeDeployOutputs:
        given = {"manifests": manifests.folder, "namespace": namespace, "kubeconfig": str(cluster.kubeconfig)}
        return kube_deploy(image=image, **{**given, "timeout_minutes": 1, **changes})

    return call


def answer(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as response:
        return str(response.read().decode())


def answers(url: str) -> bool:
    try:
        return bool(answer(url))
    except OSError:
        return False


def annotations_of(cluster: Any, namespace: str) -> dict[str, str]:
    return dict(cluster.get("deployment", "probe-app", "-n", namespace)["metadata"]["annotations"])


class Load:
    """Requests one after another to the loopback address, until told to stop or the bound is reached."""

    def __init__(self, url: str) -> None:
        assert url.startswith("http://127.0.0.1:")
        self._url, self._enough = url, threading.Event()
        self.answers: list[str] = []
        self.failures: list[str] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        # A node learns of a new Service a moment after its first pod is ready.
        wait_for("the node port to answer", lambda: answers(self._url), seconds=20)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        for _ in range(3000):
            if self._enough.wait(0.02):
                return
            try:
                self.answers.append(answer(self._url))
            except OSError as error:
                self.failures.append(f"{error} after {len(self.answers)} answers")


def test_first_deployment(deploy: Deploy, cluster: Any, namespace: str, probe_app: Any, tmp_path: Path) -> None:
    photo = tmp_path / "a cat.jpg"
    photo.write_bytes(b"\xff\xd8" + bytes(5000))
    labels = {"org.opencontainers.image.revision": "abc123", "azureml.job": "animals-1", "azureml.model.version": "7"}
    image = probe_app.image("v1", labels=labels)

    outputs = deploy(image, smoke_path="/predict", smoke_file=photo, annotations={"mlops-actions/job": "animals-2"})

    assert outputs.revision == 1
    assert not outputs.rolled_back
    wait_for("the node port to answer", lambda: answers(outputs.url), seconds=20)
    assert answer(outputs.url) == "v1"
    noted = annotations_of(cluster, namespace)
    assert noted["mlops-actions/commit"] == "abc123"
    assert noted["mlops-actions/job"] == "animals-2"
    assert noted["mlops-actions/model-version"] == "7"
    assert "mlops-actions/model-name" not in noted
    live = cluster.get("deployment", "probe-app", "-n", namespace)
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == image


def test_summary_and_answers_that_are_no_commands(
    deploy: Deploy, probe_app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    image = probe_app.image("::error::not a command")
    deploy(image, smoke_path="/")
    assert f"### {image} is deployed" in summary.read_text()
    assert "| Revision | 1 |" in summary.read_text()
    said = capsys.readouterr().out.splitlines()
    before = said[said.index("::error::not a command") - 1]
    assert before.startswith("::stop-commands::")


def test_rolling_update_loses_no_request_and_an_equal_deployment_changes_nothing(
    deploy: Deploy, manifests: Any, probe_app: Any
) -> None:
    manifests.edit("deployment.yaml", lambda d: d["spec"].update(replicas=2))
    url = deploy(probe_app.image("v1")).url
    with Load(url) as load:
        assert deploy(probe_app.image("v2"), smoke_path="/").revision == 2
        assert deploy(probe_app.image("v2")).revision == 2
    assert load.failures == []
    assert len(load.answers) > 50
    assert {load.answers[0], load.answers[-1]} == {"v1", "v2"}


def test_tag_is_resolved_to_its_digest(deploy: Deploy, cluster: Any, namespace: str, probe_app: Any) -> None:
    image = probe_app.image("v1", tag="tagged")
    deploy(f"{image.partition('@')[0]}:tagged")
    live = cluster.get("deployment", "probe-app", "-n", namespace)
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == image


@pytest.mark.fault(
    "deployment: the image is broken",
    "the former revision serves on, and is what is deployed again; the step fails with the pod's log",
)
@pytest.mark.parametrize(
    ("fault", "smoke", "cause"),
    [
        ("crash", None, "container app crashes: exit status 3"),
        ("unready", None, "Readiness probe failed: HTTP probe failed with statuscode: 503"),
        ("predict", "/predict", "GET /predict was answered 405"),
    ],
)
def test_broken_image_is_rolled_back_while_the_former_revision_serves(  # noqa: PLR0917 - fixtures
    fault: str, smoke: str | None, cause: str, deploy: Deploy, cluster: Any, namespace: str, probe_app: Any
) -> None:
    good = probe_app.image("v1", labels={"org.opencontainers.image.revision": "good"})
    url = deploy(good).url
    bad = probe_app.image("v2", fault=fault, labels={"org.opencontainers.image.revision": "bad"})
    with Load(url) as load, pytest.raises(DeploymentFailedError, match=cause) as caught:
        deploy(bad, smoke_path=smoke)

    assert caught.value.outputs == KubeDeployOutputs(url, 3, rolled_back=True)
    assert f"Rolled back: revision 3 serves {good}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert load.failures == []
    assert answer(url) == "v1"
    assert annotations_of(cluster, namespace)["mlops-actions/commit"] == "good"


@pytest.mark.fault("deployment: the smoke prediction fails", "it is rolled back, and the step tells the answer")
def test_failed_smoke_prediction_names_the_answer(deploy: Deploy, probe_app: Any, tmp_path: Path) -> None:
    photo = tmp_path / "cat.jpg"
    photo.write_bytes(b"\xff\xd8")
    deploy(probe_app.image("v1"))
    with pytest.raises(DeploymentFailedError, match=r"answered 500 .* no session for the model"):
        deploy(probe_app.image("v2", fault="predict"), smoke_path="/predict", smoke_file=photo)


@pytest.mark.fault("deployment: the first one fails", "nothing of it is left; the step shows the log")
def test_first_deployment_that_fails_shows_the_log_and_leaves_nothing(
    deploy: Deploy, cluster: Any, namespace: str, probe_app: Any
) -> None:
    with pytest.raises(DeploymentFailedError, match="first deployment: what it made is deleted") as caught:
        deploy(probe_app.image("v1", fault="crash"))
    assert "model.onnx is not there" in caught.value.logs
    assert caught.value.outputs == KubeDeployOutputs("", None, rolled_back=True)
    assert cluster.kubectl("get", "deployment,service", "-n", namespace, "-o", "name") == ""


def test_everything_that_came_with_the_broken_revision_is_undone(
    deploy: Deploy, cluster: Any, namespace: str, manifests: Any, probe_app: Any
) -> None:
    url = deploy(probe_app.image("v1")).url
    manifests.edit("service.yaml", lambda d: d["spec"]["selector"].update(app="nobody"))
    manifests.edit("settings.yaml", lambda d: d["data"].update(threshold="0.9"))
    manifests.edit_container(env=[])
    with pytest.raises(DeploymentFailedError, match="Rolled back"):
        deploy(probe_app.image("v2", fault="crash"))

    assert answer(url) == "v1"
    assert cluster.get("configmap", "settings", "-n", namespace)["data"] == {"threshold": "0.5"}

    # Nor may the undoing keep hold of what it brought back: applying without it removes it.
    manifests.edit("service.yaml", lambda d: d["spec"]["selector"].update(app="probe-app"))
    deploy(probe_app.image("v3"))
    container = cluster.get("deployment", "probe-app", "-n", namespace)["spec"]["template"]["spec"]["containers"][0]
    assert "env" not in container
    assert answer(url) in {"v1", "v3"}


def test_smoke_test_that_fails_without_a_change_undoes_nothing(deploy: Deploy, probe_app: Any) -> None:
    image = probe_app.image("v1")
    deploy(image)
    with pytest.raises(DeploymentFailedError, match="deployed before already") as caught:
        deploy(image, smoke_path="/no-such-path")
    assert caught.value.outputs.revision == 1
    assert not caught.value.outputs.rolled_back


@pytest.mark.fault(
    "deployment: a pod never gets ready", "after `timeout-minutes` the step fails with what its probe says"
)
def test_never_ready_pod_ends_at_the_timeout(deploy: Deploy, manifests: Any, probe_app: Any) -> None:
    manifests.edit("deployment.yaml", lambda d: d["spec"].update(progressDeadlineSeconds=600))
    began = time.monotonic()
    with pytest.raises(
        DeploymentFailedError, match=r"did not get ready in time \(timeout-minutes\): .*statuscode: 503"
    ):
        deploy(probe_app.image("v1", fault="unready"), timeout_minutes=0.1)
    assert time.monotonic() - began < 30


@pytest.mark.fault("deployment: the image cannot be pulled", "the step fails with the node's reason")
def test_image_that_the_node_cannot_pull(deploy: Deploy, probe_app: Any) -> None:
    unreachable = "127.0.0.1:9/probe-app@sha256:" + "0" * 64
    with pytest.raises(DeploymentFailedError, match=r"the image 127\.0\.0\.1:9/.* cannot be pulled: .*refused"):
        deploy(unreachable, timeout_minutes=0.2)


@pytest.mark.fault("deployment: the cluster refuses its pods", "it fails at once with the reason")
def test_pods_refused_by_pod_security_fail_at_once(deploy: Deploy, manifests: Any, probe_app: Any) -> None:
    manifests.edit_container(securityContext={"privileged": True})
    began = time.monotonic()
    with pytest.raises(DeploymentFailedError, match=r"its pods are refused: .*violates PodSecurity"):
        deploy(probe_app.image("v1"))
    assert time.monotonic() - began < 20


@pytest.mark.fault("deployment: the cluster refuses its pods", "it fails at once with the reason")
def test_pods_refused_by_a_quota(deploy: Deploy, cluster: Any, namespace: str, probe_app: Any) -> None:
    cluster.kubectl("create", "quota", "small", "--hard=pods=0", "-n", namespace)
    with pytest.raises(DeploymentFailedError, match=r"its pods are refused: .*exceeded quota"):
        deploy(probe_app.image("v1"), timeout_minutes=0.1)


def test_pod_that_no_node_has_room_for(deploy: Deploy, manifests: Any, probe_app: Any) -> None:
    manifests.edit_container(resources={"requests": {"memory": "100Ti"}})
    with pytest.raises(DeploymentFailedError, match=r"cannot be scheduled: .*Insufficient memory"):
        deploy(probe_app.image("v1"), timeout_minutes=0.1)


def test_configuration_that_is_missing(deploy: Deploy, manifests: Any, probe_app: Any) -> None:
    manifests.edit_container(envFrom=[{"secretRef": {"name": "no-such-secret"}}])
    with pytest.raises(
        DeploymentFailedError, match='does not start: CreateContainerConfigError: secret "no-such-secret"'
    ):
        deploy(probe_app.image("v1"), timeout_minutes=0.1)


def test_manifests_that_the_cluster_refuses_change_nothing(
    deploy: Deploy, cluster: Any, namespace: str, manifests: Any, probe_app: Any
) -> None:
    deploy(probe_app.image("v1"))
    manifests.edit("settings.yaml", lambda d: d["data"].update(threshold="0.9"))
    manifests.edit("service.yaml", lambda d: d["spec"].update(type="Nonsense"))
    with pytest.raises(ActionError, match=r"the cluster does not accept them: .*Nonsense"):
        deploy(probe_app.image("v2"))
    assert cluster.get("configmap", "settings", "-n", namespace)["data"] == {"threshold": "0.5"}


def test_namespace_that_does_not_exist(deploy: Deploy, probe_app: Any) -> None:
    with pytest.raises(ActionError, match='namespaces "nowhere" not found'):
        deploy(probe_app.image("v1"), namespace="nowhere")
