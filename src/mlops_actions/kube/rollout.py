"""Waits until a Deployment's new revision serves, or says why it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from mlops_actions.kube import diagnosis
from mlops_actions.kube.kubectl import Kubectl, KubectlError
from mlops_actions.kube.objects import Key, Object, condition, is_owned_by, revision

_INTERVAL = 0.5
_DIAGNOSIS_INTERVAL = 3.0
_LOG_LINES = 15

Say = Callable[[str], None]


class RolloutFailedError(Exception):
    """The new revision does not get ready; the text says why, `logs` holds the last lines of its containers."""

    def __init__(self, message: str, logs: str = "") -> None:
        super().__init__(message)
        self.logs = logs


@dataclass(frozen=True)
class Progress:
    """How far a rollout is."""

    complete: bool
    stalled: bool
    text: str

    @classmethod
    def of(cls, deployment: Object) -> Progress:
        """By the same signs as `kubectl rollout status`."""
        status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
        if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
            return cls(complete=False, stalled=False, text="waiting for the Deployment to be looked at")
        updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
        old = status.get("replicas", 0) - updated
        stalled = condition(deployment, "Progressing").get("reason") == "ProgressDeadlineExceeded"
        text = f"{updated} of {wanted} new pods made, {available} of all pods available"
        if old > 0:
            text += f", {old} old ones to end"
        complete = updated >= wanted and old <= 0 and available >= updated
        return cls(complete, stalled and not complete, text)


def wait(kubectl: Kubectl, key: Key, deadline: float, say: Say) -> Object:
    """The Deployment once its rollout is complete; RolloutFailedError if it stalls or `deadline` passes."""
    said, look_again = "", 0.0
    while True:
        deployment = kubectl.get(key.resource, *key.scope)
        progress = Progress.of(deployment)
        if progress.text != said:
            said = progress.text
            say(f"{key}: {said}")
        if progress.complete:
            return deployment
        now = time.monotonic()
        if progress.stalled:
            raise _failure(kubectl, deployment, "made no progress within its progressDeadlineSeconds")
        if now > deadline:
            raise _failure(kubectl, deployment, "did not get ready in time (timeout-minutes)")
        if now > look_again:
            look_again = now + _DIAGNOSIS_INTERVAL
            if any(problem.hopeless for problem in find_problems(kubectl, deployment)):
                raise _failure(kubectl, deployment, "cannot get ready")
        time.sleep(_INTERVAL)


def new_pods(kubectl: Kubectl, deployment: Object) -> list[Object]:
    """The pods of the Deployment's current revision that are not about to end."""
    replica_set = _new_replica_set(kubectl, deployment)
    if replica_set is None:
        return []
    pods = kubectl.items("pods", *Key.of(deployment).scope, *_selector(deployment))
    return [p for p in pods if is_owned_by(p, replica_set) and "deletionTimestamp" not in p["metadata"]]


def find_problems(kubectl: Kubectl, deployment: Object) -> list[diagnosis.Problem]:
    """Why the pods of the current revision are not ready."""
    events = kubectl.items("events", *Key.of(deployment).scope)
    events.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
    return diagnosis.problems(_new_replica_set(kubectl, deployment), new_pods(kubectl, deployment), events)


def _failure(kubectl: Kubectl, deployment: Object, what: str) -> RolloutFailedError:
    found = find_problems(kubectl, deployment)
    reasons = "; ".join(problem.text for problem in found) or "no pod says why"
    logs = "\n".join(filter(None, (_logs(kubectl, Key.of(deployment), problem) for problem in found)))
    return RolloutFailedError(f"the new revision of {Key.of(deployment)} {what}: {reasons}", logs)


def _logs(kubectl: Kubectl, key: Key, problem: diagnosis.Problem) -> str:
    if problem.logs == "none":
        return ""
    flags = [f"--tail={_LOG_LINES}", f"--container={problem.container}", *key.scope]
    if problem.logs == "previous":
        flags.append("--previous")
    try:
        text = kubectl.run("logs", problem.pod, *flags)
    except KubectlError as error:
        text = f"(no log: {error})"
    return f"--- {problem.pod}/{problem.container}, last lines:\n{text.rstrip()}"


def _new_replica_set(kubectl: Kubectl, deployment: Object) -> Object | None:
    replica_sets = kubectl.items("replicasets", *Key.of(deployment).scope, *_selector(deployment))
    own = [r for r in replica_sets if is_owned_by(r, deployment) and revision(r) == revision(deployment)]
    return own[0] if own else None


def _selector(deployment: Object) -> list[str]:
    """The Deployment's labels as a flag; its rarer matchExpressions are left to the owner references."""
    labels = deployment["spec"]["selector"].get("matchLabels") or {}
    return [f"--selector={','.join(f'{k}={v}' for k, v in labels.items())}"] if labels else []
