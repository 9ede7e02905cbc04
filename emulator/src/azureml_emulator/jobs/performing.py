"""Runs a node, whatever kind of work it is: a command, a parallel task, a pipeline, a sweep."""

from __future__ import annotations

from . import executor, runs
from .assignment import Assignment
from .ending import ending
from .scheduler import run_graph
from .services import Services
from .stopping import Stop
from .sweep import runner as sweep


def execute(services: Services, assignment: Assignment, stop: Stop) -> None:
    """Run a node to its end, and leave its run in the state Completed, Failed or Canceled."""
    with ending(services, assignment.run):
        perform(services, assignment, stop)


def perform(services: Services, assignment: Assignment, stop: Stop) -> None:
    """Run a node to its end. Raises JobFailed or JobCanceled unless it completes."""
    node = assignment.node
    if node.sweep is not None:
        sweep.perform(services, assignment, stop)
    elif node.graph is not None:
        services.runs.move(assignment.run, runs.PREPARING)
        run_graph(services, assignment, node.graph, stop)
    else:
        executor.perform(services, assignment, stop)
