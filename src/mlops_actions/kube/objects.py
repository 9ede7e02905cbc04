"""Questions to Kubernetes objects as kubectl prints them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Key:
    """Names one object in the cluster; the namespace is empty for those that are in none."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, item: Object) -> Key:
        """The key of an object."""
        metadata = item["metadata"]
        return cls(item["apiVersion"], item["kind"], metadata.get("namespace", ""), metadata["name"])

    @property
    def resource(self) -> str:
        """As an argument of kubectl: kind.version.group/name."""
        group, slash, version = self.api_version.partition("/")
        return f"{self.kind}.{version}.{group}/{self.name}" if slash else f"{self.kind}/{self.name}"

    @property
    def scope(self) -> list[str]:
        """The namespace as a flag of kubectl."""
        return [f"--namespace={self.namespace}"] if self.namespace else []

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def annotation(item: Object, name: str) -> str:
    """The value of an annotation, or the empty string."""
    return str(item["metadata"].get("annotations", {}).get(name, ""))


def revision(deployment: Object) -> int | None:
    """The revision of a Deployment's or ReplicaSet's pod template."""
    value = annotation(deployment, REVISION)
    return int(value) if value else None


def condition(item: Object, kind: str) -> Object:
    """The condition of that type in the status, or an empty one."""
    found: Iterable[Object] = item.get("status", {}).get("conditions") or []
    return next((c for c in found if c.get("type") == kind), {})


def containers(deployment: Object) -> list[Object]:
    """The containers of the pod template."""
    return list(deployment["spec"]["template"]["spec"].get("containers") or [])


def is_owned_by(item: Object, owner: Object) -> bool:
    """Whether `owner` made `item`."""
    references = item["metadata"].get("ownerReferences") or []
    return any(reference.get("uid") == owner["metadata"]["uid"] for reference in references)
