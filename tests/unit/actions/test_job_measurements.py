"""What the nodes of a job logged to MLflow: read once of a node that has ended, again of one that may log more."""

from __future__ import annotations

from typing import Any

from mlops_actions.aml.job import AmlJob
from mlops_actions.aml.measured_curves import stepped_curves


class Workspace:
    """Answers for a job of two nodes what the data plane would; `asked` are the runs that MLflow was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def api(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if path.endswith("/children"):
            return {"value": [{"runId": name, "status": status} for name, status in NODES.items()]}
        if path.endswith("/get-history"):
            return {"metrics": [{"step": step, "value": 1 / step} for step in (1, 2)]}
        self.asked.append(query["run_id"])
        return {"run": {"data": {"metrics": [{"key": "loss", "value": 0.5, "step": 2}], "params": []}}}


NODES = {"ended": "Completed", "going-on": "Running"}


def test_a_node_that_has_ended_is_asked_once() -> None:
    workspace = Workspace()
    job = AmlJob(workspace, "job")  # type: ignore[arg-type]
    assert job.metrics() == {"loss": 0.5}
    curves = stepped_curves(job, job.nodes())
    assert [(curve.name, curve.points) for curve in curves] == [
        ("ended/loss", ((1, 1.0), (2, 0.5))),
        ("going-on/loss", ((1, 1.0), (2, 0.5))),
    ]
    assert workspace.asked == ["ended", "going-on", "going-on"]
