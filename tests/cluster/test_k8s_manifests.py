"""The manifests in k8s/ build, are accepted by a real API server, and run where PodSecurity is restricted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.kube_deploy import kube_deploy

K8S = Path(__file__).parents[2] / "k8s"
NAME = "animal-classifier"
KINDS = {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"}


def built(cluster: Any, overlay: str) -> dict[str, Any]:
    text = cluster.kubectl("kustomize", str(K8S / "overlays" / overlay))
    objects = [document for document in yaml.safe_load_all(text) if document]
    return {item["kind"]: item for item in objects}


@pytest.mark.parametrize(("overlay", "more"), [("sandbox", {"Namespace"}), ("production", set())])
def test_overlay_builds_and_the_api_server_accepts_it(
    overlay: str, more: set[str], cluster: Any, namespace: str
) -> None:
    objects = built(cluster, overlay)
    assert set(objects) == KINDS | more
    objects.pop("Namespace", None)
    for item in objects.values():
        assert item["metadata"]["name"] == NAME
        assert item["metadata"]["namespace"] == "animals"
        item["metadata"]["namespace"] = namespace
    # A demo that is up on this cluster has the node port already.
    objects["Service"]["spec"]["ports"][0].pop("nodePort", None)
    document = {"apiVersion": "v1", "kind": "List", "items": list(objects.values())}
    said = cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=json.dumps(document))
    assert said.count("serverside-applied") == len(KINDS)


def test_sandbox_overlay_has_its_node_port_and_a_restricted_namespace(cluster: Any) -> None:
    objects = built(cluster, "sandbox")
    assert objects["Service"]["spec"]["type"] == "NodePort"
    assert objects["Service"]["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080}
    ]
    labels = objects["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_base_runs_where_pod_security_is_restricted(cluster: Any, namespace: str, probe_app: Any) -> None:
    image = probe_app.image("v1")
    outputs = kube_deploy(
        manifests=K8S / "base",
        image=image,
        namespace=namespace,
        kubeconfig=str(cluster.kubeconfig),
        smoke_path="/healthz",
        timeout_minutes=1,
    )
    assert outputs.url == f"http://{NAME}.{namespace}.svc"
    (pod,) = cluster.get("pods", "-n", namespace, "--field-selector=status.phase=Running")["items"][:1]
    assert pod["spec"]["securityContext"]["runAsUser"] == 10001
    assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    # The budget has found the pods, and the autoscaler the Deployment.
    cluster.kubectl("wait", "pdb", NAME, "-n", namespace, "--for=jsonpath={.status.currentHealthy}", "--timeout=30s")
    scale = "--for=condition=AbleToScale"
    cluster.kubectl("wait", "hpa", NAME, "-n", namespace, scale, "--timeout=60s")


def test_namespace_refuses_a_pod_that_is_not_restricted(cluster: Any, namespace: str, probe_app: Any) -> None:
    said = cluster.kubectl("run", "plain", f"--image={probe_app.image('v1')}", "-n", namespace, check=False)
    assert 'violates PodSecurity "restricted:latest"' in said
