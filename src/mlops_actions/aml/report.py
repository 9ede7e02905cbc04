"""The summary of a job: its graph, its nodes, what they measured, and what it was made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_actions import github
from mlops_actions.aml.confusion_artifacts import confusion_matrices
from mlops_actions.aml.following import Failure
from mlops_actions.aml.graph import graph
from mlops_actions.aml.job import AmlJob, Node
from mlops_actions.aml.lineage_table import lineage_rows
from mlops_actions.aml.measured_curves import stepped_curves
from mlops_actions.aml.studio import asset_url, run_url, workspace_of
from mlops_actions.markdown import code_block, link, shortened, table_cell
from mlops_actions.sdk_errors import reason
from mlops_actions.summaries.confusion import picture
from mlops_actions.summaries.curves import curves
from mlops_actions.summaries.flowchart import flowchart

_SUMMARY = Path(__file__).parents[3] / "actions" / "run-aml-pipeline" / "summary.md"
_COMPONENT = re.compile(r"/workspaces/[^/]+/(components/[^/]+/versions/[^/]+)$")
# A summary has room for 1 MiB: what may be of any length is cut here, so that what comes after it is not.
# https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
_MOST_ROWS, _MOST_LINES, _LONGEST_LINE, _MOST_MATRICES = 300, 400, 500, 6
_MINUTE = 60


@dataclass(frozen=True)
class Outcome:
    """What came of a job; `model` is `name:version`, `why` is given if it did not complete."""

    status: str
    url: str
    model: str | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    why: Failure | None = None


def summarize_job(job: AmlJob, outcome: Outcome) -> None:
    """Write the job's summary. Raises HttpResponseError if the job itself cannot be read; of all else it tells that."""
    nodes = job.nodes()
    component = _components(job)
    properties = job.properties() or {}
    metrics = [
        f"| {table_cell(name)} | {'not a finite number' if value is None else f'{value:.4g}'} |"
        for name, value in sorted(outcome.metrics.items())
    ]
    why = f"{outcome.why.reason}\n\n{outcome.why.log}" if outcome.why else ""
    lineage = lineage_rows(properties, job.name, outcome.url, outcome.model, component)
    values = {
        "job": link(job.name, outcome.url),
        "status": table_cell(outcome.status),
        "model": _model(outcome),
        "detail": _detail(why.splitlines()),
        "graph": flowchart(graph(properties.get("jobs") or {}, nodes, component)),
        "nodes": _rows([_node_row(job, node, outcome.url) for node in nodes], "| none | | | |"),
        "metrics": _rows(metrics, "| none | |"),
        "pictures": "\n\n".join(_pictures(job, nodes)),
        "lineage": _rows(lineage, "| | |"),
    }
    github.summarize(_SUMMARY, values)


def _components(job: AmlJob) -> Callable[[str], Mapping[str, Any]]:
    """Looks components up by their ARM ids, each once."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    known: dict[str, Mapping[str, Any]] = {}

    def component(identity: str) -> Mapping[str, Any]:
        if identity not in known:
            found = _COMPONENT.search(identity)
            try:
                # One of a registry is not the workspace's to tell about.
                version = job.rest.get(found[1]) if found else None
            except AzureError as error:
                github.annotate("notice", f"the summary does without {identity}, which cannot be read: {reason(error)}")
                version = None
            known[identity] = ((version or {}).get("properties") or {}).get("componentSpec") or {}
        return known[identity]

    return component


def _detail(lines: Sequence[str]) -> str:
    more = [f"… {len(lines) - _MOST_LINES} more lines"] * (len(lines) > _MOST_LINES)
    return code_block("\n".join([*(shortened(line, _LONGEST_LINE) for line in lines[:_MOST_LINES]), *more]))


def _model(outcome: Outcome) -> str:
    workspace = workspace_of(outcome.url)
    if outcome.model is None or not workspace:
        return table_cell(outcome.model or "none")
    name, _, version = outcome.model.rpartition(":")
    return f"{table_cell(outcome.model)} ({link('in Studio', asset_url(workspace, 'model', name, version))})"


def _node_row(job: AmlJob, node: Node, url: str) -> str:
    page = run_url(url, job.name, node.run_id)
    return (
        f"| {table_cell(node.name)} | {table_cell(node.shown)} | {_time(node)} | {link('run', page) if page else ''} |"
    )


def _time(node: Node) -> str:
    if node.seconds is None or node.reused:
        return ""
    if node.seconds < _MINUTE:
        return f"{node.seconds:.1f} s"
    minutes, seconds = divmod(round(node.seconds), _MINUTE)
    return f"{minutes} min {seconds} s"


def _rows(rows: Sequence[str], none: str) -> str:
    if len(rows) > _MOST_ROWS:
        cells = none.count("|") - 1
        rows = [*rows[:_MOST_ROWS], f"| … {len(rows) - _MOST_ROWS} more |{' |' * (cells - 1)}"]
    return "\n".join(rows or [none])


def _pictures(job: AmlJob, nodes: Sequence[Node]) -> Iterator[str]:
    """The curves and the confusion matrices. The job is what counts: a picture that cannot be had is told, no more."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    measuring = [node for node in nodes if not node.is_pipeline]
    try:
        yield from curves(stepped_curves(job, measuring))
    except AzureError as error:
        yield f"The metrics' history cannot be read: {table_cell(reason(error))}"
    try:
        matrices = list(confusion_matrices(job.rest, measuring))
    except AzureError as error:
        yield f"The confusion matrices cannot be read: {table_cell(reason(error))}"
        return
    for logged in matrices[:_MOST_MATRICES]:
        yield f"{table_cell(logged.artifact)} of node {table_cell(logged.node)}\n\n{picture(logged.matrix)}"
    if len(matrices) > _MOST_MATRICES:
        yield f"Not drawn: {len(matrices) - _MOST_MATRICES} more confusion matrices."
