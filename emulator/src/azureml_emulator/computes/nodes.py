"""The nodes of a cluster: one for each run on it, and idle ones up to what it keeps."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from ..context import Context

_BUSY = frozenset({"Preparing", "Starting", "Running", "Finalizing", "CancelRequested"})
"""States of a run in which it holds a node of its cluster."""


def nodes(context: Context, compute: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """A node for each run, and idle ones up to the minimum."""
    name, settings = compute["name"], compute["properties"]["properties"]["scaleSettings"]
    runs = [
        run["name"]
        for run in context.store.list("runs")
        if run["status"] in _BUSY and (run["compute"] or "").lower() == name.lower()
    ]
    busy = runs[: settings["maxNodeCount"]]
    idle = max(compute["properties"]["properties"]["currentNodeCount"] - len(busy), 0)
    states = [("running", run) for run in busy] + [("idle", None)] * idle
    return [
        {"nodeId": _node_id(compute["id"], number), "nodeState": node_state, "runId": run}
        for number, (node_state, run) in enumerate(states)
    ]


def _node_id(cluster: str, number: int) -> str:
    return f"tvmps_{uuid.uuid5(uuid.NAMESPACE_URL, f'{cluster}/{number}').hex}_d"
