"""Deploys an image to Kubernetes, proves that it serves, and undoes the deployment if it does not."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from mlops_actions import registry_api
from mlops_actions.errors import ActionError
from mlops_actions.image_reference import ImageReference
from mlops_actions.kube import address, rollout, smoke
from mlops_actions.kube.kubectl import FIELD_MANAGER, Kubectl, KubectlError, cluster
from mlops_actions.kube.manifests import Manifests, build
from mlops_actions.kube.objects import Key, Object, containers, revision
from mlops_actions.kube.rollout import RolloutFailedError
from mlops_actions.kube.smoke import SmokeFailedError, SmokeTest
from mlops_actions.kube.undo import Snapshot, as_list

_FORMER_SECONDS = 120
_FROM_LABELS = {
    "mlops-actions/commit": "org.opencontainers.image.revision",
    "mlops-actions/job": "azureml.job",
    "mlops-actions/model-name": "azureml.model.name",
    "mlops-actions/model-version": "azureml.model.version",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KubeDeployOutputs:
    """What serves in the end: the new revision, or after a failure the former one (None if there is none)."""

    url: str
    revision: int | None
    rolled_back: bool


class DeploymentFailedError(ActionError):
    """The deployment failed and was undone as far as `outputs` says."""

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
        manifests: folder of the kustomize base or overlay to apply; its files are not touched
        image: image to deploy, by digest (name@sha256:…); a tag is resolved to the digest that it has now
        namespace: namespace to deploy to instead of the one that the manifests name
        kubeconfig: path or content of a kubeconfig; default is what kubectl finds by itself
        context: context of the kubeconfig to use instead of its current one
        deployment: name of the Deployment that takes the image, if the manifests have several
        annotations: annotations for the Deployment, key=value a line; by default from the image's labels
        smoke_path: path to send a smoke request to, on a pod of the new revision; without it none is sent
        smoke_file: file to send in the smoke request, as the multipart field `file`
        timeout_minutes: how long the new revision may take to get ready

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
        with _terminated_as_interrupted():
            return _deploy(kubectl, built, test, deadline)


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
        log.warning("the labels of %s cannot be read: %s", image, error)
        return reference.at(reference.digest), {}
    return reference.at(remote.digest), remote.labels


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """A cancelled workflow sends SIGINT, then SIGTERM: either one has to get as far as the undoing."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _deploy(kubectl: Kubectl, built: Manifests, test: SmokeTest | None, deadline: float) -> KubeDeployOutputs:
    try:
        if built.namespaces:
            _apply(kubectl, built.namespaces)
        _apply(kubectl, built.objects, dry_run=True)
        before = Snapshot.take(kubectl, built.objects)
    except KubectlError as error:
        raise ActionError(f"manifests: the cluster does not accept them: {error}") from None
    try:
        for warning in _apply(kubectl, built.objects):
            log.warning("%s", warning)
        for other in built.other_deployments:
            rollout.wait(kubectl, Key.of(other), deadline, log.info)
        live = rollout.wait(kubectl, Key.of(built.deployment), deadline, log.info)
        if test is not None:
            log.info("%s is answered: %s", test, smoke.run(kubectl, live, test).strip())
        return KubeDeployOutputs(address.url(kubectl, built), revision(live), rolled_back=False)
    except (KubectlError, RolloutFailedError, SmokeFailedError) as error:
        raise _undo(kubectl, built, before, error) from None
    except KeyboardInterrupt:
        log.warning("interrupted: putting back what was there before")
        before.restore(kubectl)
        raise


def _apply(kubectl: Kubectl, objects: list[Object], *, dry_run: bool = False) -> list[str]:
    """Apply as the owner of every field that the manifests set; the API server's warnings."""
    flags = ["--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}"]
    if dry_run:
        flags.append("--dry-run=server")
    return kubectl.run_with_warnings("apply", "-f", "-", *flags, stdin=as_list(objects))[1]


def _undo(kubectl: Kubectl, built: Manifests, before: Snapshot, error: Exception) -> DeploymentFailedError:
    """Bring the former state back; the error to raise, which says what failed and what serves now."""
    logs = getattr(error, "logs", "")
    if logs:
        log.error("%s", logs)
    log.info("undoing the deployment: %s", error)
    key = Key.of(built.deployment)
    former = before.before.get(key)
    try:
        undone = before.restore(kubectl)
        if former is None:
            outputs = KubeDeployOutputs("", None, rolled_back=undone)
            return DeploymentFailedError(
                f"{error}. It was the first deployment: what it made is deleted", outputs, logs
            )
        live = _await_former(kubectl, former) if undone else kubectl.get(key.resource, *key.scope)
        outputs = KubeDeployOutputs(address.url(kubectl, built), revision(live), rolled_back=undone)
    except (KubectlError, RolloutFailedError) as second:
        nothing = KubeDeployOutputs("", None, rolled_back=False)
        return DeploymentFailedError(f"{error}. Undoing it failed too: {second}", nothing, logs)
    if not undone:
        return DeploymentFailedError(f"{error}. It was deployed before already, so nothing is undone", outputs, logs)
    images = ", ".join(c["image"] for c in containers(live))
    message = f"{error}. Rolled back: revision {outputs.revision} serves {images}"
    return DeploymentFailedError(message, outputs, logs)


def _await_former(kubectl: Kubectl, former: Object) -> Object:
    """Wait until the former revision serves in full again, if it did before."""
    key = Key.of(former)
    if not rollout.Progress.of(former).complete:
        log.warning("%s was not ready before this deployment either", key)
        return kubectl.get(key.resource, *key.scope)
    return rollout.wait(kubectl, key, time.monotonic() + _FORMER_SECONDS, log.info)
