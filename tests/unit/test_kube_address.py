"""Which of a service's addresses is told."""

from __future__ import annotations

from typing import Any

from mlops_actions.kube.address import url
from mlops_actions.kube.kubectl import Kubectl, KubectlError
from mlops_actions.kube.manifests import Manifests

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "app", "namespace": "n"},
    "spec": {"template": {"metadata": {"labels": {"app": "app", "tier": "web"}}, "spec": {}}},
}


def service(selector: dict[str, str] | None = None, **port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app", "namespace": "n"},
        "spec": {"selector": selector or {"app": "app"}, "ports": [{"port": 80, **port}]},
    }


def ingress(**spec: Any) -> dict[str, Any]:
    backend = {"service": {"name": "app"}}
    rules = [{"host": "app.example", "http": {"paths": [{"path": "/", "backend": backend}]}}]
    return {"kind": "Ingress", "metadata": {"name": "i", "namespace": "n"}, "spec": {"rules": rules, **spec}}


class Answers(Kubectl):
    """Answers in the cluster's stead."""

    def __init__(self, live: dict[str, Any], api: str, nodes: list[dict[str, str]] | None = None) -> None:
        super().__init__()
        self.__dict__.update(live=live, api=api, nodes=nodes)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        assert (arguments[:2], stdin) == (("config", "view"), None)
        return str(self.__dict__["api"])

    def get(self, *arguments: str) -> dict[str, Any]:
        if arguments[0] == "nodes":
            if self.__dict__["nodes"] is None:
                raise KubectlError("nodes is forbidden")
            return {"items": [{"status": {"addresses": self.__dict__["nodes"]}}]}
        live: dict[str, Any] = self.__dict__["live"]
        return live


def told(live: dict[str, Any], *more: dict[str, Any], api: str = "https://127.0.0.1:6443", nodes: Any = None) -> str:
    return url(Answers(live, api, nodes), Manifests([DEPLOYMENT, live, *more], DEPLOYMENT))


def test_host_of_an_ingress_comes_first() -> None:
    assert told(service(nodePort=30080), ingress()) == "http://app.example/"
    assert told(service(), ingress(tls=[{"hosts": ["app.example"]}])) == "https://app.example/"


def test_load_balancer() -> None:
    live = {**service(nodePort=30080), "status": {"loadBalancer": {"ingress": [{"ip": "20.1.2.3"}]}}}
    assert told(live) == "http://20.1.2.3"


def test_node_port_of_a_cluster_on_this_machine() -> None:
    assert told(service(nodePort=30080)) == "http://127.0.0.1:30080"


def test_node_port_of_a_cluster_elsewhere_is_at_its_nodes() -> None:
    nodes = [{"type": "InternalIP", "address": "10.0.0.4"}, {"type": "ExternalIP", "address": "20.1.2.3"}]
    assert told(service(nodePort=30080), api="https://k8s.example", nodes=nodes) == "http://20.1.2.3:30080"


def test_node_port_whose_nodes_may_not_be_listed() -> None:
    assert told(service(nodePort=30080), api="https://k8s.example") == "http://app.n.svc"


def test_address_inside_the_cluster() -> None:
    assert told(service(port=8080)) == "http://app.n.svc:8080"


def test_no_service_selects_the_pods() -> None:
    assert told(service({"app": "other"})) == ""
