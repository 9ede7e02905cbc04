"""Which model a gate takes for the champion: the one that the cluster's Deployment says it serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.errors import ActionError
from mlops_actions.gate.contest import Service
from mlops_actions.kube.deployed import ServedModel
from sandbox.served import serves_another

PLACE = "Deployment probe-app in namespace {}"


@pytest.fixture
def service(cluster: Any, namespace: str, manifests: Any) -> Service:
    manifests.edit("deployment.yaml", lambda document: document["spec"].update(replicas=0))  # nothing has to run
    return Service(manifests.folder, namespace, str(cluster.kubeconfig), None, None)


def apply(cluster: Any, namespace: str, folder: Path) -> None:
    cluster.kubectl("apply", "--namespace", namespace, "-k", str(folder))


def test_the_model_that_the_annotations_name(cluster: Any, namespace: str, manifests: Any, service: Service) -> None:
    assert service.served() == (PLACE.format(namespace), None), "nothing is deployed yet"

    apply(cluster, namespace, manifests.folder)
    with pytest.raises(
        ActionError, match="has no annotations mlops-actions/model-name and mlops-actions/model-version"
    ):
        service.served()

    noted = ("mlops-actions/model-name=animals", "mlops-actions/model-version=7")
    cluster.kubectl("annotate", "deployment", "probe-app", "--namespace", namespace, *noted)
    assert service.served() == (PLACE.format(namespace), ServedModel("animals", "7", None))
    cluster.kubectl("annotate", "deployment", "probe-app", "--namespace", namespace, "mlops-actions/job=train-7")
    assert service.served() == (PLACE.format(namespace), ServedModel("animals", "7", "train-7"))


def test_a_namespace_that_is_not_there_yet_serves_nothing(cluster: Any, manifests: Any) -> None:
    place, served = Service(manifests.folder, "not-there-yet", str(cluster.kubeconfig), None, None).served()
    assert (place, served) == (PLACE.format("not-there-yet"), None)


def test_of_several_deployments_one_has_to_be_named(
    cluster: Any, namespace: str, manifests: Any, service: Service
) -> None:
    deployment = yaml.safe_load((manifests.folder / "deployment.yaml").read_text())
    deployment["metadata"]["name"] = "other"
    (manifests.folder / "other.yaml").write_text(yaml.safe_dump(deployment))
    manifests.edit("kustomization.yaml", lambda document: document["resources"].append("other.yaml"))
    with pytest.raises(ActionError, match=r"has 2 Deployments \(it has: .*\); name the one to wait for in the input"):
        service.served()
    named = Service(manifests.folder, namespace, str(cluster.kubeconfig), None, "other")
    assert named.served() == (f"Deployment other in namespace {namespace}", None)


def test_a_cluster_that_does_not_let_it_be_read(cluster: Any, namespace: str, manifests: Any, tmp_path: Path) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": "nobody"}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    with pytest.raises(ActionError, match=r"does not answer|cannot be read"):
        Service(manifests.folder, namespace, str(tmp_path / "config"), None, None).served()


def test_without_manifests_nobody_knows_which_deployment_is_meant() -> None:
    with pytest.raises(ActionError, match="champion: deployed needs manifests"):
        Service(None, None, None, None, None).served()


def test_the_demo_knows_a_model_of_another_checkout(
    cluster: Any, namespace: str, manifests: Any, service: Service, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"

    def another() -> bool:
        return serves_another(cluster.kubeconfig, report, deployment="probe-app", namespace=namespace)

    assert not another(), "nothing is served"
    apply(cluster, namespace, manifests.folder)
    cluster.kubectl("annotate", "deployment", "probe-app", "--namespace", namespace, "mlops-actions/job=train-7")
    assert another(), "no demo of this checkout deployed it"
    report.write_text(json.dumps({"job": {"name": "train-7"}}))
    assert not another()
    for job in ({"name": "train-6"}, None):
        report.write_text(json.dumps({"job": job}))
        assert another()
