from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.kube.rollout import Progress


def deployment(replicas: int = 2, generation: int = 2, reason: str = "", **status: int) -> dict[str, Any]:
    conditions = [{"type": "Progressing", "reason": reason}]
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 2, "conditions": conditions, **status},
    }


def test_complete() -> None:
    assert Progress.of(deployment(replicas=2, updatedReplicas=2, availableReplicas=2)).complete


def test_scaled_to_nothing_is_complete() -> None:
    assert Progress.of(deployment(replicas=0)).complete


@pytest.mark.parametrize(
    "waiting",
    [
        deployment(generation=3, replicas=2, updatedReplicas=2, availableReplicas=2),
        deployment(),
        {**deployment(updatedReplicas=2, availableReplicas=1), "metadata": {"generation": 2}},
    ],
)
def test_not_complete(waiting: dict[str, Any]) -> None:
    progress = Progress.of(waiting)
    assert not progress.complete
    assert not progress.stalled


def test_old_pods_have_to_be_gone() -> None:
    status = deployment()
    status["status"] |= {"replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}
    assert not Progress.of(status).complete
    assert Progress.of(status).text.endswith("1 old ones to end")


def test_deadline_of_the_deployment_itself() -> None:
    assert Progress.of(deployment(reason="ProgressDeadlineExceeded", updatedReplicas=1)).stalled
