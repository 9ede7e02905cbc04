"""Checks of the Kubernetes cluster: it answers, has the namespace, and lets one do what kube-deploy does there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_actions.doctor.findings import Check, Finding, ok, skipped, warning, wrong
from mlops_actions.doctor.surroundings import Surroundings
from mlops_actions.errors import ActionError
from mlops_actions.kube.kubectl import Kubectl, KubectlError, cluster, current_namespace, server

_NOT_GIVEN = "no cluster is named: give --kubeconfig, set KUBECONFIG, or have ~/.kube/config"
_ENFORCE = "pod-security.kubernetes.io/enforce"
# What kube-deploy does in the namespace, by resource; other kinds that the manifests have it applies likewise.
_APPLIED = ("get", "create", "patch", "update", "delete")
NEEDED: Mapping[str, tuple[str, ...]] = {
    "apps/deployments": _APPLIED,
    "/services": _APPLIED,
    "apps/replicasets": ("list",),
    "/pods": ("get", "list"),
    "/pods/log": ("get",),
    "/pods/portforward": ("create",),
    "/events": ("list",),
}


def _cluster(surroundings: Surroundings) -> Finding:
    asked = "cluster" in surroundings.asked
    if not (surroundings.kubeconfig or surroundings.context or _is_configured()):
        return wrong(_NOT_GIVEN, "kubectl config get-contexts") if asked else skipped(_NOT_GIVEN)
    try:
        kubectl = surroundings.entered.enter_context(cluster(surroundings.kubeconfig, surroundings.context))
    except ActionError as error:
        return wrong(str(error), _remedy(str(error)))
    surroundings.kubectl = kubectl
    version = json.loads(kubectl.run("version", "-o", "json", "--request-timeout=10s"))
    return versions(version, server(kubectl))


def _is_configured() -> bool:
    return bool(os.environ.get("KUBECONFIG")) or (Path.home() / ".kube" / "config").exists()


def _remedy(text: str) -> str:
    if "not on the PATH" in text:
        return "https://kubernetes.io/docs/tasks/tools/"
    if "does not answer" in text:
        return "is the cluster up, and reachable from here (VPN, authorized IP ranges)? AKS: az aks get-credentials"
    return "kubectl config get-contexts; give --kubeconfig and --context, or set KUBECONFIG"


def versions(told: Mapping[str, Any], address: str) -> Finding:
    """The versions that `kubectl version` tells: https://kubernetes.io/releases/version-skew-policy/#kubectl."""
    mine, theirs = told["clientVersion"], told["serverVersion"]
    found = f"{address} is Kubernetes {theirs['gitVersion']}, kubectl is {mine['gitVersion']}"
    apart = abs(_minor(mine) - _minor(theirs))
    if apart > 1:
        return warning(found, f"install kubectl 1.{_minor(theirs)}: only one minor version apart is supported")
    return ok(found)


def _minor(version: Mapping[str, Any]) -> int:
    digits = re.match(r"\d+", str(version["minor"]))  # some clouds write 34+
    return int(digits[0]) if digits else 0


def _namespace(surroundings: Surroundings) -> Finding:
    kubectl = _kubectl(surroundings)
    name = surroundings.namespace = surroundings.namespace or current_namespace(kubectl)
    try:
        surroundings.namespace_labels = kubectl.get("namespace", name, "--request-timeout=10s")["metadata"].get(
            "labels", {}
        )
    except KubectlError as error:
        if "not found" in str(error).lower():
            return wrong(
                f"namespace {name} does not exist", f"kubectl create namespace {name}, or have the manifests make it"
            )
        if "forbidden" in str(error).lower():
            return warning(f"no permission to read namespace {name}", "none, if what is below is well")
        raise
    return ok(f"{name} exists")


def _access(surroundings: Surroundings) -> Finding:
    kubectl, namespace = _kubectl(surroundings), surroundings.namespace
    reviews = [_review(str(namespace), resource, verb) for resource, verbs in NEEDED.items() for verb in verbs]
    text = kubectl.run(
        "create", "-f", "-", "-o", "json", "--request-timeout=10s",
        stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews}),
    )  # fmt: skip
    denied: dict[str, list[str]] = {}
    for review in _documents(text):
        attributes = review["spec"]["resourceAttributes"]
        if not review["status"].get("allowed"):
            resource = "/".join(part for part in (attributes["resource"], attributes.get("subresource")) if part)
            denied.setdefault(resource, []).append(attributes["verb"])
    if denied:
        told = "; ".join(f"{resource}: {', '.join(verbs)}" for resource, verbs in denied.items())
        who = _whoami(kubectl)
        fix = f"kubectl create rolebinding mlops-deploy -n {namespace} --clusterrole=edit --user={who}"
        return wrong(f"{who} may not do in {namespace} what kube-deploy does: {told}", fix)
    return ok(f"all {len(reviews)} verbs that kube-deploy needs in {namespace}")


def _review(namespace: str, resource: str, verb: str) -> dict[str, Any]:
    group, _, rest = resource.partition("/")
    name, _, subresource = rest.partition("/")
    attributes = {"namespace": namespace, "group": group, "resource": name, "subresource": subresource, "verb": verb}
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    return {**kind, "spec": {"resourceAttributes": attributes}}


def _documents(text: str) -> list[dict[str, Any]]:
    """The JSON documents that kubectl printed one after the other, or as a list."""
    decoder, at = json.JSONDecoder(), 0
    found: list[dict[str, Any]] = []
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        document, at = decoder.raw_decode(text, at)
        found += document["items"] if document["kind"] == "List" else [document]
    return found


def _whoami(kubectl: Kubectl) -> str:
    try:
        return kubectl.run("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}").strip() or "<user>"
    except KubectlError:  # before Kubernetes 1.28
        return "<user>"


def _pod_security(surroundings: Surroundings) -> Finding:
    labels, name = surroundings.namespace_labels, surroundings.namespace
    if labels is None:
        return skipped("the namespace's labels cannot be read")
    if level := labels.get(_ENFORCE):
        return ok(f"{name} enforces {level}")
    fix = f"kubectl label namespace {name} {_ENFORCE}=restricted"
    return warning(f"{name} has no {_ENFORCE}: a pod may do there what it likes", fix)


def _kubectl(surroundings: Surroundings) -> Kubectl:
    if surroundings.kubectl is None:
        raise AssertionError("it needs the check of the cluster")
    return surroundings.kubectl


CHECKS = (
    Check("cluster", "cluster", _cluster, remedy="kubectl cluster-info says more"),
    Check("namespace", "cluster", _namespace, needs=("cluster",)),
    Check("access", "cluster", _access, needs=("namespace",)),
    Check("pod-security", "cluster", _pod_security, needs=("namespace",)),
)
