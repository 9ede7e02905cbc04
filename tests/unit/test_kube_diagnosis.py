"""Why pods are not ready, from objects in the shape that a cluster answers."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.kube.diagnosis import Problem, problems


def pod(container: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    statuses = [] if container is None else [{"name": "app", "image": "app:v1", "ready": False, **container}]
    return {"metadata": {"name": "app-1", "uid": "u1"}, "status": {"containerStatuses": statuses, **status}}


def event(reason: str, message: str, uid: str = "u1") -> dict[str, Any]:
    involved = {"uid": uid, "fieldPath": "spec.containers{app}"}
    return {"reason": reason, "message": message, "involvedObject": involved}


def one(*pods: dict[str, Any], events: list[dict[str, Any]] | None = None) -> Problem:
    (found,) = problems(None, pods, events or [])
    return found


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}}


@pytest.mark.parametrize(
    ("said", "hopeless"),
    [
        ('Failed to pull image "app:v1": rpc error: code = NotFound desc = app:v1: not found', True),
        ('Failed to pull image "app:v1": dial tcp: connection refused', False),
        ('Failed to pull image "app:v1": 401 Unauthorized', False),
    ],
)
def test_pull_failure_is_told_by_its_event(said: str, hopeless: bool) -> None:
    found = one(
        pod(waiting("ImagePullBackOff", 'Back-off pulling image "app:v1"')),
        events=[event("Failed", said), event("Failed", "Error: ImagePullBackOff"), event("Failed", "other", "u2")],
    )
    assert found == Problem(f"the image app:v1 cannot be pulled: {said}", hopeless)


def test_pull_failure_without_an_event() -> None:
    assert one(pod(waiting("InvalidImageName", "bad"))) == Problem(
        "the image app:v1 cannot be pulled: bad", hopeless=True
    )


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        ({"exitCode": 3}, "exit status 3"),
        ({"exitCode": 1, "message": "no model"}, "exit status 1: no model"),
        ({"exitCode": 137, "reason": "OOMKilled"}, "killed, as it used more memory than its limit"),
        ({"exitCode": 139, "signal": 11}, "ended by signal 11"),
    ],
)
def test_crash_between_restarts(ended: dict[str, Any], text: str) -> None:
    found = one(pod({**waiting("CrashLoopBackOff"), "lastState": {"terminated": ended}}))
    assert found == Problem(f"container app crashes: {text}", pod="app-1", container="app", logs="previous")


def test_crash_at_this_moment_has_its_log_in_the_container_that_is() -> None:
    assert one(pod({"state": {"terminated": {"exitCode": 2}}})).logs == "current"


def test_failed_probe_is_the_last_event_of_the_container() -> None:
    events = [event("Unhealthy", "Startup probe failed"), event("Unhealthy", "Readiness probe failed: 503")]
    found = one(pod({"state": {"running": {}}}), events=events)
    assert found.text == "container app runs but is not ready: Readiness probe failed: 503"
    assert found.logs == "current"


def test_container_that_starts_or_is_ready_is_no_problem() -> None:
    ready = pod({"state": {"running": {}}, "ready": True, "lastState": {"terminated": {"exitCode": 1}}})
    assert problems(None, [pod(waiting("ContainerCreating")), ready], []) == []


def test_pod_that_finds_no_node() -> None:
    conditions = [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]
    assert one(pod(conditions=conditions)).text == "it cannot be scheduled: 0/1 nodes are available"


def test_volume_that_cannot_be_mounted() -> None:
    found = one(pod(waiting("ContainerCreating")), events=[event("FailedMount", 'secret "tls" not found')])
    assert found.text == 'its pod does not start: secret "tls" not found'


@pytest.mark.parametrize(
    ("message", "hopeless"),
    [('pods "x" is forbidden: violates PodSecurity "restricted:latest"', True), ("exceeded quota: small", False)],
)
def test_refused_pods_are_told_by_the_replica_set(message: str, hopeless: bool) -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": message}
    (found,) = problems({"metadata": {}, "status": {"conditions": [failure]}}, [], [])
    assert found == Problem(f"its pods are refused: {message}", hopeless)


def test_the_same_problem_of_many_pods_is_told_once() -> None:
    assert one(pod(waiting("CreateContainerError", "x")), pod(waiting("CreateContainerError", "x")))
