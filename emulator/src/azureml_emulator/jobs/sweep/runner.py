"""Placeholder until SWEEP lands."""

from __future__ import annotations

from ..assignment import Assignment
from ..services import Services
from ..stopping import JobFailed, Stop


def perform(services: Services, assignment: Assignment, stop: Stop) -> None:
    """Refuse."""
    raise JobFailed(f"sweeps are not run yet ({assignment.run}, {stop}, {services})")
