"""Why the pods of a Deployment's revision are not ready, read from the objects that Kubernetes keeps about them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from mlops_actions.kube.objects import Object, condition

# What the container runtime and registries say when pulling again will not help.
_GONE = re.compile(r"not found|manifest unknown|does not exist|name unknown|invalid reference format", re.IGNORECASE)
_PULLING = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
_WAITING_IS_NORMAL = {"ContainerCreating", "PodInitializing"}


@dataclass(frozen=True)
class Problem:
    """One reason; `hopeless` if no waiting will help, `logs` if the container's output tells more."""

    text: str
    hopeless: bool = False
    pod: str = ""
    container: str = ""
    logs: Literal["none", "current", "previous"] = "none"


def problems(replica_set: Object | None, pods: Iterable[Object], events: Iterable[Object]) -> list[Problem]:
    """All reasons, each once however many pods have it."""
    found: dict[str, Problem] = {}
    for problem in _all(replica_set, list(pods), list(events)):
        found.setdefault(problem.text, problem)
    return list(found.values())


def _all(replica_set: Object | None, pods: list[Object], events: list[Object]) -> Iterator[Problem]:
    if replica_set is not None:
        refused = condition(replica_set, "ReplicaFailure")
        if refused.get("status") == "True":
            message = str(refused.get("message", ""))
            yield Problem(f"its pods are refused: {message}", hopeless="violates PodSecurity" in message)
    for pod in pods:
        yield from _of_pod(pod, [e for e in events if e["involvedObject"].get("uid") == pod["metadata"]["uid"]])


def _of_pod(pod: Object, events: list[Object]) -> Iterator[Problem]:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield Problem(f"it cannot be scheduled: {scheduled.get('message', '')}")
    status = pod.get("status", {})
    if status.get("reason") == "Evicted":
        yield Problem(f"its pod was evicted: {status.get('message', '')}")
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        yield from _of_container(pod["metadata"]["name"], container, events)
    waiting = [e for e in events if e.get("reason") in {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"}]
    if waiting and condition(pod, "Ready").get("status") != "True":
        yield Problem(f"its pod does not start: {waiting[-1]['message']}")


def _of_container(pod: str, status: Object, events: list[Object]) -> Iterator[Problem]:
    name, state = status["name"], status.get("state", {})
    waiting = state.get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    ended = state.get("terminated") or status.get("lastState", {}).get("terminated") or {}
    if reason in _PULLING:
        detail = _pull_failure(events) or message
        hopeless = reason == "InvalidImageName" or bool(_GONE.search(detail))
        yield Problem(f"the image {status['image']} cannot be pulled: {detail}", hopeless)
    elif reason == "CrashLoopBackOff" or (ended and ended.get("exitCode") != 0 and not status.get("ready")):
        logs: Literal["current", "previous"] = "current" if state.get("terminated") else "previous"
        yield Problem(f"container {name} crashes: {_end(ended)}", pod=pod, container=name, logs=logs)
    elif reason and reason not in _WAITING_IS_NORMAL:
        yield Problem(f"container {name} does not start: {reason}: {message}")
    elif "running" in state and not status.get("ready"):
        yield Problem(f"container {name} runs but is not ready{_probe(name, events)}", False, pod, name, "current")


def _pull_failure(events: list[Object]) -> str:
    """The status says only "back-off" once it has tried twice; the events still say why."""
    failures = [e["message"] for e in events if e["message"].startswith("Failed to pull image")]
    return str(failures[-1]) if failures else ""


def _end(terminated: Object) -> str:
    if terminated.get("reason") == "OOMKilled":
        return "killed, as it used more memory than its limit"
    if terminated.get("signal"):
        return f"ended by signal {terminated['signal']}"
    detail = f": {terminated['message']}" if terminated.get("message") else ""
    return f"exit status {terminated.get('exitCode', 'unknown')}{detail}"


def _probe(container: str, events: list[Object]) -> str:
    unhealthy = [
        e["message"]
        for e in events
        if e.get("reason") == "Unhealthy" and f"{{{container}}}" in e["involvedObject"].get("fieldPath", "")
    ]
    return f": {unhealthy[-1]}" if unhealthy else ""
