"""What an armed fault does to the machine of a run: it is never allocated, or is taken away while the run is on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .. import faults
from . import compute
from .assignment import Assignment
from .services import Services
from .stopping import JobFailed, Stop


def allocate(services: Services, assignment: Assignment, stop: Stop) -> None:
    """Let the queued run have a machine, unless a fault says otherwise. Raises JobFailed or JobCanceled.

    A compute instance is a machine already: it is started (or not) by an operation of its own.
    """
    called = compute.name(assignment.node)
    if called is None or compute.is_instance(services.context, assignment.node):
        return
    fault = faults.allocation_of_node(services.context, assignment.node.name, called)
    if fault is not None:
        stop.event.wait(fault.seconds)
        stop.check()
        raise JobFailed(fault.message, fault.code)


@contextmanager
def preemptible(services: Services, assignment: Assignment, stop: Stop) -> Iterator[None]:
    """Run a program in here: if a fault says so, its machine is taken away and the run is stopped as failed."""
    called = compute.name(assignment.node) or ""
    fault = faults.preemption(services.context, assignment.node.name, called)
    if fault is None:
        yield
        return
    timer = threading.Timer(fault.seconds, stop.fail, [JobFailed(fault.message, fault.code)])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
