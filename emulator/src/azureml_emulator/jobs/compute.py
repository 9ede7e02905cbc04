"""The compute of a node: jobs run on this machine, but only while the compute they name would run them."""

from __future__ import annotations

from .. import computes
from ..context import Context
from .definition.specification import SERVERLESS, Node
from .stopping import JobFailed, Stop

_STARTING = frozenset({"Creating", "Starting", "Restarting", "SettingUp"})


def name(node: Node) -> str | None:
    """The compute's name in an ARM id; None for a pipeline within a pipeline."""
    if node.graph is not None:
        return None
    return SERVERLESS if node.compute is None else node.compute.rstrip("/").rsplit("/", 1)[-1]


def watch(context: Context, node: Node, stop: Stop) -> None:
    """Fail a node that runs (or waits) on a compute that is gone or is no longer running."""
    if error := problem(context, node):
        stop.fail(error)


def problem(context: Context, node: Node) -> JobFailed | None:
    """Why the node's compute cannot run it, or None. A cluster that is ready starts machines by itself."""
    called = name(node)
    if called is None or called == SERVERLESS:
        return None
    found = computes.find(context, called)
    if found is None:
        return JobFailed(f"Compute {called} is not found in workspace {context.settings.workspace}.")
    if found["properties"]["computeType"] != computes.INSTANCE:
        return None
    state = computes.state(found)
    if state == "Running" or state in _STARTING:
        return None
    return JobFailed(
        f"Compute instance {called} is not running: its state is {state}. Start it, and submit the job again.",
    )


def most_nodes(context: Context, node: Node) -> int | None:
    """How many machines the compute has at most; None for a serverless one, which has as many as are asked for."""
    found = computes.find(context, name(node) or SERVERLESS)
    if found is None:
        return None
    properties = found["properties"]
    if properties["computeType"] == computes.INSTANCE:
        return 1
    return int((properties["properties"].get("scaleSettings") or {}).get("maxNodeCount") or 1)


def is_instance(context: Context, node: Node) -> bool:
    """Whether the node runs on a compute instance; else on machines that are allocated for it."""
    found = computes.find(context, name(node) or SERVERLESS)
    return found is not None and found["properties"]["computeType"] == computes.INSTANCE


def is_starting(context: Context, node: Node) -> bool:
    """Whether the node has to wait for its compute instance to be up."""
    found = computes.find(context, name(node) or SERVERLESS)
    return found is not None and computes.state(found) in _STARTING
