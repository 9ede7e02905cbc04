"""Deploys an image to Kubernetes, proves that it serves, and undoes the deployment if it does not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_actions import registry_api
from mlops_actions.errors import ActionError
from mlops_actions.github import annotate, group, progress, summarize, table_cell, untrusted_lines
from mlops_actions.image_reference import ImageReference
from mlops_actions.kube.deployment import DeployFailedError, Served, deploy
from mlops_actions.kube.kubectl import cluster
from mlops_actions.kube.manifests import Manifests, build
from mlops_actions.kube.objects import Key
from mlops_actions.kube.smoke import SmokeTest

_SUMMARY = Path(__file__).parents[2] / "actions" / "kube-deploy" / "summary.md"
_FROM_LABELS = {
    "mlops-actions/commit": "org.opencontainers.image.revision",
    "mlops-actions/job": "azureml.job",
    "mlops-actions/model-name": "azureml.model.name",
    "mlops-actions/model-version": "azureml.model.version",
}


@dataclass(frozen=True)
class KubeDeployOutputs:
    """What serves in the end: the new revision, or after a failure the former one (None if there is none)."""

    url: str
    revision: int | None
    rolled_back: bool


class DeploymentFailedError(ActionError):
    """The deployment failed; `outputs`, which are valid all the same, say what serves now."""

    def __init__(self, message: str, outputs: KubeDeployOutputs, logs: str = "") -> None:
        super().__init__(message)
        self.outputs = outputs
        self.logs = logs


def kube_deploy(
    *,
    manifests: Path,
    image: str,
    namespace: str | None = None,
    kubeconfig: str | None = None,
    context: str | None = None,
    deployment: str | None = None,
    annotations: Mapping[str, str] | None = None,
    smoke_path: str | None = None,
    smoke_file: Path | None = None,
    timeout_minutes: float = 10,
) -> KubeDeployOutputs:
    """Apply a kustomize folder with an image, wait for the rollout, send a smoke request; undo it if any of it fails.

    Args:
        manifests: Folder of the kustomize base or overlay to apply; its files are not touched.
        image: Image to deploy, by digest (name@sha256:…); a tag is resolved to the digest that it has now.
        namespace: Namespace to deploy to instead of the one that the manifests name.
        kubeconfig: Path or content of a kubeconfig; default is what kubectl finds by itself.
        context: Context of the kubeconfig to use instead of its current one.
        deployment: Name of the Deployment that takes the image, if the manifests have several.
        annotations: Annotations for the Deployment, key=value a line or a JSON object, besides those from the image's
            labels.
        smoke_path: Path to send a smoke request to, on a pod of the new revision; without it none is sent.
        smoke_file: File to send in the smoke request, as the multipart field `file`.
        timeout_minutes: How long the new revision may take to get ready.

    """
    test = _smoke_test(smoke_path, smoke_file)
    if timeout_minutes <= 0:
        raise ActionError("timeout-minutes must be more than 0")
    deadline = time.monotonic() + timeout_minutes * 60
    with cluster(kubeconfig, context) as kubectl:
        reference, labels = _resolve(image)
        noted = {name: labels[label] for name, label in _FROM_LABELS.items() if labels.get(label)}
        noted = {"kubernetes.io/change-cause": f"deploy {reference}", **noted, **(annotations or {})}
        built = build(kubectl, manifests, reference, deployment=deployment, namespace=namespace, annotations=noted)
        try:
            served = deploy(kubectl, built, test, deadline, progress)
        except DeployFailedError as error:
            _show("last lines of the pods that did not get ready", error.logs)
            _summarize(
                f"{reference} was not deployed",
                built,
                reference,
                test,
                served=error.served,
                detail=f"{error}\n{error.logs}",
            )
            outputs = KubeDeployOutputs(error.served.url, error.served.revision, rolled_back=error.undone)
            raise DeploymentFailedError(str(error), outputs, error.logs) from None
    _show(f"answer to {test}", served.answer)
    _summarize(f"{reference} is deployed", built, reference, test, served=served, detail=served.answer)
    return KubeDeployOutputs(served.url, served.revision, rolled_back=False)


def _smoke_test(path: str | None, file: Path | None) -> SmokeTest | None:
    if path is None:
        if file is not None:
            raise ActionError("smoke-file is given without smoke-path: name the path to send it to")
        return None
    if not path.startswith("/"):
        raise ActionError(f"smoke-path: '{path}' does not begin with /")
    if file is not None and not file.is_file():
        raise ActionError(f"smoke-file: there is no file {file}")
    return SmokeTest(path, file)


def _resolve(image: str) -> tuple[ImageReference, dict[str, str]]:
    """The image by digest, and its labels as far as its registry shows them."""
    reference = ImageReference.parse(image)
    try:
        remote = registry_api.inspect(reference)
    except registry_api.ImageNotFoundError as error:
        raise ActionError(f"image: {error}") from None
    except registry_api.RegistryUnreadableError as error:
        if reference.digest is None:
            raise ActionError(
                f"image: {image} has no digest, and its registry does not tell it: {error}; give name@sha256:…"
            ) from None
        annotate("warning", f"the labels of {image} cannot be read: {error}")
        return reference.at(reference.digest), {}
    return reference.at(remote.digest), remote.labels


def _show(title: str, text: str) -> None:
    """Text from a container: shown, but never obeyed as a workflow command."""
    if text.strip():
        with group(title), untrusted_lines():
            progress(text.rstrip())


def _summarize(
    headline: str, built: Manifests, image: ImageReference, test: SmokeTest | None, *, served: Served, detail: str
) -> None:
    key = Key.of(built.deployment)
    values = {
        "headline": headline,
        "deployment": f"{key.namespace}/{key.name}",
        "image": image,
        "revision": served.revision or "none",
        "url": served.url or "none",
        "smoke": test or "none was asked for",
    }
    indented = "".join(f"    {line}\n" for line in detail.strip().splitlines())  # code, whatever it contains
    summarize(_SUMMARY, {name: table_cell(value) for name, value in values.items()} | {"detail": indented})
