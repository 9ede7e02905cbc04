"""Remembers what the cluster has before a deployment, and brings it back.

`kubectl rollout undo` restores a pod template alone, and as another field manager: a Service or ConfigMap that came
with the broken revision would stay, and fields that the undo brought back could never be removed by applying again. So
the objects are put back as they were, with the record of who owns which of their fields.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass

from mlops_actions.kube.kubectl import FIELD_MANAGER, Kubectl, KubectlError
from mlops_actions.kube.objects import REVISION, Key, Object

# Deleting these could delete what others put into them.
_KEPT = {"Namespace", "PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition"}


@dataclass(frozen=True)
class Snapshot:
    """The objects of the manifests: those that existed, as they were, and the keys of all."""

    before: dict[Key, Object]
    keys: list[Key]

    @classmethod
    def take(cls, kubectl: Kubectl, objects: list[Object]) -> Snapshot:
        """Look at each object that is about to be applied."""
        return cls(_live(kubectl, objects), [Key.of(o) for o in objects])

    def restore(self, kubectl: Kubectl) -> bool:
        """Put back what was changed and delete what was made; whether there was anything to do."""
        changed, failures = False, []
        for key in reversed(self.keys):
            try:
                old = self.before.get(key)
                changed |= _delete(kubectl, key) if old is None else _put_back(kubectl, key, old)
            except KubectlError as error:
                failures.append(f"{key}: {error}")
        if failures:
            raise KubectlError("; ".join(failures))
        return changed


def _live(kubectl: Kubectl, objects: list[Object]) -> dict[Key, Object]:
    text = kubectl.run(
        "get", "-f", "-", "--ignore-not-found", "--show-managed-fields", "-o", "json", stdin=as_list(objects)
    )
    if not text.strip():
        return {}
    document = json.loads(text)
    items = document["items"] if document["kind"] == "List" else [document]
    return {Key.of(item): item for item in items}


def as_list(objects: list[Object]) -> str:
    """Objects as one document for kubectl's standard input."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def _delete(kubectl: Kubectl, key: Key) -> bool:
    if key.kind in _KEPT:
        return False
    said = kubectl.run("delete", key.resource, *key.scope, "--ignore-not-found", "--wait=false")
    return bool(said.strip())


def _put_back(kubectl: Kubectl, key: Key, old: Object) -> bool:
    now = kubectl.get(key.resource, *key.scope, "--show-managed-fields")
    if _content(now) == _content(old):
        return False
    restored = copy.deepcopy(old)
    for field in ("resourceVersion", "generation", "uid", "creationTimestamp"):
        restored["metadata"].pop(field, None)
    restored.pop("status", None)
    if key.kind == "Deployment":
        restored["spec"]["replicas"] = now["spec"]["replicas"]  # an autoscaler's decision meanwhile stands
    kubectl.run("replace", "-f", "-", f"--field-manager={FIELD_MANAGER}", stdin=json.dumps(restored))
    ownership = [{"op": "replace", "path": "/metadata/managedFields", "value": old["metadata"]["managedFields"]}]
    kubectl.run("patch", key.resource, *key.scope, "--type=json", f"--patch={json.dumps(ownership)}")
    return True


def _content(item: Object) -> Object:
    """What a person would call the object: not its status, its record of owners, or what controllers note on it."""
    content = {k: v for k, v in item.items() if k not in {"status", "metadata"}}
    annotations = {k: v for k, v in item["metadata"].get("annotations", {}).items() if k != REVISION}
    content["labels"], content["annotations"] = item["metadata"].get("labels", {}), annotations
    if item["kind"] == "Deployment":
        content["spec"] = {k: v for k, v in item["spec"].items() if k != "replicas"}
    return content
