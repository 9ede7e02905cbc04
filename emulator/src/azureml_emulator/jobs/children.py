"""Child runs: the nodes of a pipeline and the trials of a sweep, each a run of its own that is waited for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace

from ..store import Value
from . import compute, runs
from .assignment import Assignment
from .definition.specification import Node
from .ending import release
from .services import Services
from .stopping import Stop


@dataclass
class Child:
    """A run that was begun; `future` is done when it is over, whatever has become of it."""

    node: Node
    run: str
    future: Future[None]
    stop: Stop


def create(
    services: Services,
    parent: Assignment,
    node: Node,
    *,
    kind: str,
    properties: Mapping[str, str],
    name: str | None = None,
    display_name: str | None = None,
) -> Assignment:
    """Make a child run (and its MLflow run, whose id it is called by unless a name is given), not yet begun.

    The answer is its assignment, without inputs and outputs. Raises JobFailed if MLflow does not take it.
    """
    shown = display_name or node.display_name
    mlflow = services.tracking.create_run(parent.experiment_id, shown, parent=parent.mlflow, tags={})
    run = name or mlflow
    services.runs.create(
        runs.NewRun(
            name=run,
            display_name=shown,
            kind=kind,
            experiment=parent.experiment,
            mlflow=mlflow,
            experiment_id=parent.experiment_id,
            parent=parent.run,
            root=parent.root,
            compute=compute.name(node),
            properties={"azureml.runsource": kind, "azureml.pipelinerunid": parent.run, **properties},
        )
    )
    return replace(parent, run=run, mlflow=mlflow, node=node, inputs={}, outputs={})


def begin(services: Services, assignment: Assignment) -> Child:
    """Let a created run begin in the background."""
    stop = Stop()
    compute.watch(services.context, assignment.node, stop)
    services.stops[assignment.run] = stop
    created = services.runs.get(assignment.run)
    if created is not None and created["status"] == runs.CANCEL_REQUESTED:
        stop.cancel()  # Between its creation and now.
    return Child(assignment.node, assignment.run, _run(services, assignment, stop), stop)


def _run(services: Services, assignment: Assignment, stop: Stop) -> Future[None]:
    node = assignment.node
    if node.graph is None and node.sweep is None:
        return services.node_threads.submit(services.execute, services, assignment, stop)
    # It waits for runs of its own: in the pool, enough of them would leave those no thread.
    future: Future[None] = Future()

    def work() -> None:
        try:
            services.execute(services, assignment, stop)
        except BaseException as error:
            future.set_exception(error)
            raise
        future.set_result(None)

    threading.Thread(target=work, name=f"run-{assignment.run}", daemon=True).start()
    return future


def settle(services: Services, child: Child) -> Value:
    """Take a child that is over off the list of those that can be stopped; the answer is its run."""
    child.future.result()
    release(services, child.run)
    return services.runs.get(child.run) or {"name": child.run, "status": runs.FAILED, "error": None, "outputs": {}}
