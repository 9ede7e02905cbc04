"""A pipeline job of Azure ML's as it runs: its status, its nodes, their logs, and what they measured.

Read from the run history API, which is what the SDK's own stream reads, so that a lost connection costs no line and the
status is never taken from the end of a stream.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlops_actions import azure

TERMINAL = frozenset({"Completed", "Failed", "Canceled", "NotResponding", "Paused"})
"""States that a job does not leave by itself (azure.ai.ml's RunHistoryConstants.TERMINAL_STATUSES, and Paused)."""

COMPLETED, FAILED, CANCEL_REQUESTED = "Completed", "Failed", "CancelRequested"
_SUB_PIPELINE = "SubGraphCloudStep"
_LOGS = ("user_logs/std_log.txt", "user_logs/std_log_process_0.txt", "azureml-logs/70_driver_log.txt")
_HISTORY = "/history/v1.0{workspace}/runs/"
_RESOLVED_URIS = "/data/v1.0{workspace}/dataversion/batchGetResolvedUris"
_MLFLOW = "/mlflow/v2.0{workspace}/api/2.0/mlflow/runs/get"


@dataclass(frozen=True)
class Node:
    """A node of the pipeline: its name there, the id of its run, and what state it is in.

    A node inside a pipeline component is called `<node>/<node in it>`; the outer one `is_pipeline`. `reused` is the
    former run that Azure ML answered the node from, if it did not run again; `seconds` how long it took, once it ended.
    """

    name: str
    run_id: str
    status: str
    reused: str | None = None
    is_pipeline: bool = False
    seconds: float | None = None

    @property
    def shown(self) -> str:
        """Its state for people."""
        return f"{self.status}, reused" if self.reused else self.status


@dataclass(frozen=True)
class Measurement:
    """What a node logged to MLflow: the last value of each metric (None if it is not finite), and its parameters."""

    node: Node
    metrics: Mapping[str, float | None]
    params: Mapping[str, str]


@dataclass
class AmlJob:
    """The job called `name`."""

    rest: azure.Rest
    name: str
    _read: dict[str, int] = field(default_factory=dict)
    _logged: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def properties(self) -> dict[str, Any] | None:
        """The job as Azure ML keeps it; None if there is no such job."""
        job = self.rest.get(f"jobs/{self.name}")
        return None if job is None else dict(job["properties"])

    def status(self) -> str | None:
        """The job's state; None if there is no such job."""
        properties = self.properties()
        return None if properties is None else str(properties["status"])

    def cancel(self, seconds: float | None = None) -> bool:
        """Ask for the job's end, and do not wait for it; whether there is such a job. Raises HttpResponseError.

        With `seconds` no longer than that is spent on asking.
        """
        return self.rest.post(f"jobs/{self.name}/cancel", seconds)

    def nodes(self) -> list[Node]:
        """The nodes that have begun, oldest first, each followed by those inside it."""
        return list(self._nodes(self.name, ""))

    def _nodes(self, run_id: str, inside: str) -> Iterator[Node]:
        for run in self._children(run_id):
            node = _node(run, inside)
            yield node
            if node.is_pipeline:
                yield from self._nodes(node.run_id, f"{node.name}/")

    def _children(self, run_id: str) -> Iterator[Mapping[str, Any]]:
        query: dict[str, str] = {}
        while True:
            page = self.rest.api(f"{_HISTORY}{run_id}/children", query) or {}
            yield from page.get("value") or []
            if not (token := page.get("continuationToken")):
                return
            query = {"$continuationtoken": token}

    def new_log_lines(self, node: Node) -> Iterator[str]:
        """The whole lines that the node's log has got since the last call; all that is left once the node has ended."""
        seen = self._read.get(node.run_id, 0)
        content = self._log(node.run_id, seen)
        if node.status not in TERMINAL:
            content = content[: content.rfind(b"\n") + 1]
        self._read[node.run_id] = seen + len(content)
        yield from content.decode(errors="replace").splitlines()

    def log_tail(self, run_id: str, lines: int) -> list[str]:
        """The last lines of the log of a node's run."""
        return self._log(run_id, 0).decode(errors="replace").splitlines()[-lines:]

    def error(self, run_id: str) -> Mapping[str, Any]:
        """Why a run failed, as run history's RootError; empty if it says nothing."""
        details = self.rest.api(f"{_HISTORY}{run_id}/details") or {}
        return (details.get("error") or {}).get("error") or {}

    def failed_runs(self) -> list[tuple[str, str]]:
        """The name and run of each node that failed; of a pipeline in the pipeline, those nodes in it that did.

        The job's own run, under an empty name, if it failed without any of its nodes.
        """
        failed = [node for node in self.nodes() if node.status == FAILED]
        failed = [node for node in failed if not any(other.name.startswith(f"{node.name}/") for other in failed)]
        return [(node.name, node.run_id) for node in failed] or [("", self.name)]

    def logged(self, node: Node) -> Mapping[str, Any]:
        """What the node's run has in MLflow: the `data` of its answer. Of a node that has ended it is read once."""
        run_id = node.reused or node.run_id
        if run_id in self._logged:
            return self._logged[run_id]
        run = self.rest.api(_MLFLOW, {"run_id": run_id}) or {}
        data: Mapping[str, Any] = (run.get("run") or {}).get("data") or {}
        if node.status in TERMINAL:
            self._logged[run_id] = data
        return data

    def measurements(self) -> Iterator[Measurement]:
        """What each node logged, oldest node first. A reused node's is that of its former run."""
        for node in self.nodes():
            data = self.logged(node)
            metrics = {entry["key"]: _finite(float(entry["value"])) for entry in data.get("metrics") or []}
            params = {entry["key"]: str(entry["value"]) for entry in data.get("params") or []}
            yield Measurement(node, metrics, params)

    def metrics(self) -> dict[str, float | None]:
        """The last value of each MLflow metric of the nodes; of two nodes' metrics of one name, the later node's.

        None where it is not finite, for which JSON has no number.
        """
        found: dict[str, float | None] = {}
        for measurement in self.measurements():
            found.update(measurement.metrics)
        return found

    def output_uri(self, node: Node, output: str) -> str | None:
        """Where a node's output is: a datastore's URI; None if it has no such output. A reused node's is its former's.

        As the SDK's jobs.download finds it: run history names the output's asset, and the data service its place.
        """
        run = self.rest.api(f"{_HISTORY}{node.reused or node.run_id}") or {}
        asset = str(((run.get("outputs") or {}).get(output) or {}).get("assetId") or "")
        if not asset:
            return None
        resolved = self.rest.ask(_RESOLVED_URIS, {"values": [asset]}) or {}
        return str(((resolved.get("values") or {}).get(asset) or {}).get("uri") or "") or None

    def studio_url(self) -> str:
        """The job's page in Azure ML Studio."""
        services = (self.properties() or {}).get("services") or {}
        return str((services.get("Studio") or {}).get("endpoint") or "")

    def _log(self, run_id: str, begin: int) -> bytes:
        details = self.rest.api(f"{_HISTORY}{run_id}/details") or {}
        files: Mapping[str, str] = details.get("logFiles") or {}
        for name in _LOGS:
            if name in files:
                return self.rest.blob(files[name], begin)
        return b""


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _node(run: Mapping[str, Any], inside: str) -> Node:
    properties = run.get("properties") or {}
    is_reused = str(properties.get("azureml.isreused")).lower() == "true"
    reused = properties.get("azureml.reusedrunid") if is_reused else None
    is_pipeline = properties.get("StepType") == _SUB_PIPELINE
    return Node(f"{inside}{_node_name(run)}", run["runId"], run["status"], reused, is_pipeline, _seconds(run))


def _seconds(run: Mapping[str, Any]) -> float | None:
    try:
        begin, end = (datetime.fromisoformat(str(run.get(key))) for key in ("startTimeUtc", "endTimeUtc"))
    except ValueError:
        return None
    return (end - begin).total_seconds()


def _node_name(run: Mapping[str, Any]) -> str:
    properties = run.get("properties") or {}
    return str(properties.get("azureml.nodeName") or run.get("displayName") or run["runId"])
