"""Where a deployed service answers."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mlops_actions.kube.kubectl import Kubectl, KubectlError, server
from mlops_actions.kube.manifests import Manifests
from mlops_actions.kube.objects import Key, Object

_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")


def url(kubectl: Kubectl, manifests: Manifests) -> str:
    """The address of the Deployment's Service, the one from farthest outside that there is; empty if it has none."""
    service = _service(manifests)
    if service is None:
        return ""
    key = Key.of(service)
    if (host := _ingress_host(manifests, key)) is not None:
        return host
    live = kubectl.get(key.resource, *key.scope)
    return _load_balancer(live) or _node_port(kubectl, live) or _inside(live)


def _service(manifests: Manifests) -> Object | None:
    labels = manifests.deployment["spec"]["template"]["metadata"].get("labels", {})
    for item in manifests.objects:
        if item["kind"] == "Service" and item["metadata"].get("namespace", "") == manifests.namespace:
            selector = item["spec"].get("selector") or {}
            if selector and selector.items() <= labels.items():
                return item
    return None


def _ingress_host(manifests: Manifests, service: Key) -> str | None:
    for item in manifests.objects:
        if item["kind"] != "Ingress" or item["metadata"].get("namespace", "") != service.namespace:
            continue
        secure = {host for tls in item["spec"].get("tls") or [] for host in tls.get("hosts") or []}
        for rule in item["spec"].get("rules") or []:
            for path in rule.get("http", {}).get("paths", []):
                if path.get("backend", {}).get("service", {}).get("name") == service.name and rule.get("host"):
                    scheme = "https" if rule["host"] in secure else "http"
                    return f"{scheme}://{rule['host']}{path.get('path', '/')}"
    return None


def _load_balancer(service: Object) -> str | None:
    for ingress in service.get("status", {}).get("loadBalancer", {}).get("ingress") or []:
        if host := ingress.get("hostname") or ingress.get("ip"):
            return f"http://{host}{_suffix(service['spec']['ports'][0]['port'])}"
    return None


def _node_port(kubectl: Kubectl, service: Object) -> str | None:
    port = service["spec"]["ports"][0].get("nodePort")
    if not port:
        return None
    # A cluster whose API is on this machine has its node ports here too; its nodes' addresses may be its own alone.
    host = urlsplit(server(kubectl)).hostname or ""
    if not _LOOPBACK.fullmatch(host):
        try:
            nodes = kubectl.items("nodes")
        except KubectlError:  # credentials for one namespace may not list nodes
            return None
        addresses = [a for n in nodes for a in n["status"].get("addresses", [])]
        by_type = {a["type"]: a["address"] for a in reversed(addresses)}
        host = by_type.get("ExternalIP") or by_type.get("InternalIP") or host
    return f"http://{host}:{port}"


def _inside(service: Object) -> str:
    key = Key.of(service)
    return f"http://{key.name}.{key.namespace}.svc{_suffix(service['spec']['ports'][0]['port'])}"


def _suffix(port: int) -> str:
    return "" if port == 80 else f":{port}"  # noqa: PLR2004 - http's own
