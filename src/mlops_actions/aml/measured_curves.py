"""The metrics that a job's nodes logged step by step, out of MLflow's history of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlops_actions.aml.job import AmlJob, Node
from mlops_actions.azure import Rest
from mlops_actions.summaries.curves import Curve

MOST = 72
"""Histories that are read: each is a request, and more are not drawn."""

_HISTORY = "/mlflow/v2.0{workspace}/api/2.0/mlflow/metrics/get-history"
_MOST_PAGES = 20
_SYSTEM = "system/"
"""MLflow's own metrics of the machine (`mlflow.enable_system_metrics_logging`): not what the training is judged by."""


def stepped_curves(job: AmlJob, nodes: Sequence[Node]) -> list[Curve]:
    """A curve for each metric that was logged at several steps. Raises HttpResponseError.

    A reused node's are those of its former run. Where several nodes have a metric of one name, the node is named too.
    """
    found: list[tuple[Node, str]] = []
    for node in nodes:
        found += [(node, key) for key in _stepped(job, node)]
    names = [key for _, key in found]
    curves = []
    for node, key in found[:MOST]:
        points = dict(_history(job.rest, node, key))
        if len(points) > 1:
            name = f"{node.name}/{key}" if names.count(key) > 1 else key
            curves.append(Curve(name, tuple(sorted(points.items()))))
    return curves


def _stepped(job: AmlJob, node: Node) -> Iterator[str]:
    for metric in job.logged(node).get("metrics") or []:
        # The last entry of a metric's history: a step of 0 is what a metric has that is logged once.
        if int(metric.get("step") or 0) > 0 and not str(metric["key"]).startswith(_SYSTEM):
            yield str(metric["key"])


def _history(rest: Rest, node: Node, key: str) -> Iterator[tuple[int, float]]:
    """The steps and values of a metric, oldest first: of a step that was logged again the last one counts."""
    query = {"run_id": node.reused or node.run_id, "metric_key": key}
    entries: list[dict[str, Any]] = []
    for _ in range(_MOST_PAGES):
        page = rest.api(_HISTORY, query) or {}
        entries += page.get("metrics") or []
        if not (token := page.get("next_page_token")):
            break
        query = {**query, "page_token": token}
    for entry in sorted(entries, key=lambda one: int(one.get("timestamp") or 0)):
        yield int(entry.get("step") or 0), float(entry["value"])
