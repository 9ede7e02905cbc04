"""Faults on demand: what goes wrong in Azure now and then, brought about here when somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .machines import MachineFault, allocation_of_compute, allocation_of_node, preemption

if TYPE_CHECKING:
    from ..context import Context

__all__ = ["MachineFault", "allocation_of_compute", "allocation_of_node", "armed", "preemption"]


def armed(context: Context) -> list[dict[str, Any]]:
    """The armed rules in their order: the keys as they were given, `seen`, `hits`, and whether it is `spent`."""
    return context.faults.listed()
