"""Builds a kustomize folder with the image to deploy, without touching the caller's files."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from mlops_actions.errors import ActionError
from mlops_actions.image_reference import ImageReference
from mlops_actions.kube.kubectl import Kubectl, KubectlError, current_namespace
from mlops_actions.kube.kustomization import require_kustomization
from mlops_actions.kube.objects import Key, Object, containers

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Manifests:
    """What will be applied; `deployment` is the one that takes the image."""

    objects: list[Object]
    deployment: Object

    @property
    def namespace(self) -> str:
        """The namespace of the Deployment."""
        return Key.of(self.deployment).namespace

    @property
    def other_deployments(self) -> list[Object]:
        """The Deployments that do not take the image but come with it."""
        return [o for o in self.objects if o["kind"] == "Deployment" and o is not self.deployment]

    @property
    def namespaces(self) -> list[Object]:
        """The namespaces, which have to exist before anything in them can be tried."""
        return [o for o in self.objects if o["kind"] == "Namespace"]


def build(
    kubectl: Kubectl,
    folder: Path,
    image: ImageReference,
    *,
    deployment: str | None,
    namespace: str | None,
    annotations: Mapping[str, str],
) -> Manifests:
    """The objects of `folder`, in `namespace`, with `image` in the Deployment and `annotations` on it."""
    require_kustomization(folder)
    deployed = _find_deployment(_kustomize(kubectl, folder, folder), folder, image, deployment)
    overlay: Object = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "images": [{"name": _image_to_replace(deployed, image), "newName": image.name, "digest": image.digest}],
        "patches": [
            {
                "target": {"group": "apps", "kind": "Deployment", "name": deployed["metadata"]["name"]},
                "patch": yaml.safe_dump(_annotated(deployed, annotations)),
            }
        ],
    }
    if namespace is not None:
        overlay["namespace"] = namespace
    elif "namespace" not in deployed["metadata"]:
        overlay["namespace"] = current_namespace(kubectl)
    with tempfile.TemporaryDirectory(prefix="kube-deploy-", dir=os.environ.get("RUNNER_TEMP")) as scratch:
        root = Path(scratch).resolve()
        # kustomize takes a base by relative path only.
        overlay["resources"] = [os.path.relpath(folder.resolve(), root)]
        (root / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
        objects = _kustomize(kubectl, root, folder)
    name = deployed["metadata"]["name"]
    found = next(o for o in objects if o["kind"] == "Deployment" and o["metadata"]["name"] == name)
    return Manifests(objects, found)


def target(kubectl: Kubectl, folder: Path, *, deployment: str | None, namespace: str | None) -> Key:
    """The Deployment of `folder` that a deployment is about: the one that is named, or the only one."""
    require_kustomization(folder)
    key = Key.of(_find_deployment(_kustomize(kubectl, folder, folder), folder, None, deployment))
    return replace(key, namespace=namespace or key.namespace or current_namespace(kubectl))


def _annotated(deployment: Object, annotations: Mapping[str, str]) -> Object:
    # kustomize takes no control characters, and an image's labels may have any.
    values = {name: _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", value) for name, value in annotations.items()}
    metadata = {"name": deployment["metadata"]["name"], "annotations": values}
    return {"apiVersion": deployment["apiVersion"], "kind": "Deployment", "metadata": metadata}


def _kustomize(kubectl: Kubectl, folder: Path, callers: Path) -> list[Object]:
    try:
        text = kubectl.run("kustomize", "--", str(folder))
    except KubectlError as error:
        _point_at_bad_yaml(callers)
        raise ActionError(f"manifests: {callers} does not build: {error}", file=str(callers)) from None
    return [document for document in yaml.safe_load_all(text) if document]


def _point_at_bad_yaml(folder: Path) -> None:
    """Name file and line of what is not YAML, which kustomize does less clearly."""
    for file in sorted(p for p in folder.rglob("*") if p.suffix in {".yaml", ".yml"}):
        try:
            list(yaml.safe_load_all(file.read_text()))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            problem = f"{error.problem} {error.context or ''}".strip()
            raise ActionError(f"manifests: {file} is not YAML: {problem}", file=str(file), line=line) from None


def _find_deployment(objects: list[Object], folder: Path, image: ImageReference | None, name: str | None) -> Object:
    """The Deployment that is named; else the only one; else the only one that uses the image, if one is known."""
    found = [o for o in objects if o["kind"] == "Deployment"]
    names = ", ".join(o["metadata"]["name"] for o in found) or "none"
    if name is not None:
        found = [o for o in found if o["metadata"]["name"] == name]
        if not found:
            raise ActionError(f"deployment: {folder} has no Deployment '{name}', only: {names}")
    elif len(found) > 1 and image is not None:
        found = [o for o in found if any(_same_image(c["image"], image) for c in containers(o))]
    if len(found) != 1:
        purpose = "" if image is None else f" for {image.name}"
        raise ActionError(f"manifests: {folder} has {len(found)} Deployments{purpose} (it has: {names}); "
                          "name the one to wait for in the input 'deployment'")  # fmt: skip
    if found[0]["spec"].get("paused"):
        raise ActionError(f"manifests: the Deployment {names} is paused, so it would never roll out")
    return found[0]


def _image_to_replace(deployment: Object, image: ImageReference) -> str:
    """The image name in the manifests that stands for the one to deploy."""
    all_containers = containers(deployment)
    matching = [c for c in all_containers if _same_image(c["image"], image)] or all_containers
    names = {ImageReference.parse(c["image"]).name for c in matching}
    if len(names) != 1:
        listed = ", ".join(f"{c['name']} ({c['image']})" for c in all_containers)
        raise ActionError(f"manifests: no container of the Deployment {deployment['metadata']['name']} uses an image "
                          f"named {image.path}; it has: {listed}")  # fmt: skip
    return names.pop()


def _same_image(written: str, image: ImageReference) -> bool:
    """Manifests name the image in full, or by its last part alone as a placeholder."""
    name = ImageReference.parse(written).name
    return name == image.name or name == image.path.rpartition("/")[2]
