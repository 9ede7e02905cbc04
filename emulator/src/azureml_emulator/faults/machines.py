"""Faults of machines: a node that is preempted while it runs, and a compute that gets no machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .rules import ALLOCATION_FAILED, PREEMPTED_NODE

if TYPE_CHECKING:
    from ..context import Context

# The words of the service, code UserError before them: https://github.com/microsoft/MLOpsPython/issues/346
_PREEMPTED_CODE = "UserError"
_PREEMPTED = (
    "AzureMLCompute job failed. PreemptionError: Nodes of this job got pre-empted. "
    "Check if the run has failed or restarted. Reason: Received pre-emption warning signal"
)
# Azure Batch, which Azure ML takes its machines from:
# https://learn.microsoft.com/troubleshoot/azure/hpc/batch/azure-batch-pool-resizing-failure
ALLOCATION_CODE = "AllocationFailed"
_NOT_ALLOCATED = "Desired number of dedicated nodes could not be allocated."


@dataclass(frozen=True)
class MachineFault:
    """What goes wrong, and `seconds` after what: after the node was queued (no machine) or began to run (preempted)."""

    seconds: float
    code: str
    message: str


def preemption(context: Context, node: str, compute: str) -> MachineFault | None:
    """How the node that begins to run now will be preempted, or None. Counts: ask once for each run."""
    struck = context.faults.strike({PREEMPTED_NODE}, lambda rule: rule.means_node(node, compute))
    if not struck:
        return None
    rule = struck[0]
    return MachineFault(rule.seconds or 0, rule.code or _PREEMPTED_CODE, rule.message or _PREEMPTED)


def allocation_of_node(context: Context, node: str, compute: str) -> MachineFault | None:
    """How the cluster will fail to get machines for the node that is queued now, or None. Ask once for each run."""
    struck = context.faults.strike(
        {ALLOCATION_FAILED}, lambda rule: rule.operation is None and rule.means_node(node, compute)
    )
    if not struck:
        return None
    rule = struck[0]
    message = f"AzureMLCompute job failed. {ALLOCATION_CODE}: {_NOT_ALLOCATED}"
    return MachineFault(rule.seconds or 0, rule.code or ALLOCATION_CODE, rule.message or message)


def allocation_of_compute(context: Context, operation: str, compute: str) -> MachineFault | None:
    """How the operation (`compute create`, …) that ends now fails to get a machine, or None. Ask once for each."""
    struck = context.faults.strike(
        {ALLOCATION_FAILED},
        lambda rule: rule.node is None and rule.means_operation(operation, compute) and rule.means_node("", compute),
    )
    if not struck:
        return None
    rule = struck[0]
    return MachineFault(0, rule.code or ALLOCATION_CODE, rule.message or f"Compute {compute}: {_NOT_ALLOCATED}")
