"""Applies manifests, sees that the new revision serves, and puts everything back if it does not."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from mlops_actions.errors import ActionError
from mlops_actions.kube import address, rollout, smoke
from mlops_actions.kube.kubectl import FIELD_MANAGER, Kubectl, KubectlError
from mlops_actions.kube.manifests import Manifests
from mlops_actions.kube.objects import Key, Object, containers, revision
from mlops_actions.kube.rollout import RolloutFailedError, Say
from mlops_actions.kube.smoke import SmokeFailedError, SmokeTest
from mlops_actions.kube.undo import Snapshot, as_list

_FORMER_SECONDS = 120


@dataclass(frozen=True)
class Served:
    """What serves: where, and which revision of the Deployment (None if there is none)."""

    url: str = ""
    revision: int | None = None
    answer: str = ""


class DeployFailedError(Exception):
    """The deployment failed. `served` is what serves now, `undone` whether anything was put back for that."""

    def __init__(self, message: str, served: Served, *, undone: bool, logs: str) -> None:
        super().__init__(message)
        self.served = served
        self.undone = undone
        self.logs = logs


def deploy(kubectl: Kubectl, built: Manifests, test: SmokeTest | None, deadline: float, say: Say) -> Served:
    """Apply, wait, try; DeployFailedError once it is undone, ActionError if the cluster does not take the manifests."""
    with _terminated_as_interrupted():
        before = _snapshot(kubectl, built)
        try:
            for warning in _apply(kubectl, built.objects):
                say(f"warning: {warning}")
            for other in built.other_deployments:
                rollout.wait(kubectl, Key.of(other), deadline, say)
            live = rollout.wait(kubectl, Key.of(built.deployment), deadline, say)
            answer = "" if test is None else smoke.run(kubectl, live, test)
            return Served(address.url(kubectl, built), revision(live), answer)
        except (KubectlError, RolloutFailedError, SmokeFailedError) as error:
            raise _undo(kubectl, built, before, error, say) from None
        except KeyboardInterrupt:
            say("interrupted: putting back what was there before")
            with _uninterrupted():
                before.restore(kubectl)
            raise


def _snapshot(kubectl: Kubectl, built: Manifests) -> Snapshot:
    """What the cluster has, once it is sure to accept the manifests."""
    try:
        before = Snapshot.take(kubectl, built.objects)
        try:
            if built.namespaces:  # without them nothing that lies in them can be tried
                _apply(kubectl, built.namespaces)
            _apply(kubectl, built.objects, dry_run=True)
        except KubectlError:
            before.restore(kubectl)
            raise
    except KubectlError as error:
        raise ActionError(f"manifests: the cluster does not accept them: {error}") from None
    return before


def _apply(kubectl: Kubectl, objects: list[Object], *, dry_run: bool = False) -> list[str]:
    """Apply as the owner of every field that the manifests set; the API server's warnings."""
    flags = ["--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}"]
    if dry_run:
        flags.append("--dry-run=server")
    return kubectl.run_with_warnings("apply", "-f", "-", *flags, stdin=as_list(objects))[1]


def _undo(kubectl: Kubectl, built: Manifests, before: Snapshot, error: Exception, say: Say) -> DeployFailedError:
    """Bring the former state back; the error to raise, which says what failed and what serves now."""
    say(f"undoing the deployment: {error}")
    logs = getattr(error, "logs", "")
    key = Key.of(built.deployment)
    former = before.before.get(key)
    try:
        with _uninterrupted():
            undone = before.restore(kubectl)
        if former is None:
            text = f"{error}. It was the first deployment: what it made is deleted"
            return DeployFailedError(text, Served(), undone=undone, logs=logs)
        live = _await_former(kubectl, former, say) if undone else kubectl.get(key.resource, *key.scope)
        served = Served(address.url(kubectl, built), revision(live))
    except (KubectlError, RolloutFailedError) as second:
        return DeployFailedError(f"{error}. Undoing it failed too: {second}", Served(), undone=False, logs=logs)
    images = ", ".join(container["image"] for container in containers(live))
    text = f"Rolled back: revision {served.revision} serves {images}"
    if not undone:
        text = "It was deployed before already, so nothing is undone"
    return DeployFailedError(f"{error}. {text}", served, undone=undone, logs=logs)


def _await_former(kubectl: Kubectl, former: Object, say: Say) -> Object:
    """Wait until the former revision serves in full again, if it did before."""
    key = Key.of(former)
    if not rollout.Progress.of(former).complete:
        say(f"{key} was not ready before this deployment either")
        return kubectl.get(key.resource, *key.scope)
    return rollout.wait(kubectl, key, time.monotonic() + _FORMER_SECONDS, say)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """A cancelled workflow sends SIGINT, then SIGTERM: either one has to get as far as the undoing."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled(signal.SIGTERM, interrupt):
        yield


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """The second signal of a cancelled workflow must not stop what the first one began."""
    with _handled(signal.SIGINT, signal.SIG_IGN), _handled(signal.SIGTERM, signal.SIG_IGN):
        yield


@contextmanager
def _handled(number: signal.Signals, handler: signal._HANDLER) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # which alone may set handlers
        yield
        return
    former = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, former)
