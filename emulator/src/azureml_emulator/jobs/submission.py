"""Begins a job that was submitted, and ends those that a stop or a kill of the emulator interrupts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import wait
from dataclasses import replace
from typing import Any

from .. import trees
from ..context import Context
from ..store import Value
from . import compute, performing, runs
from .assignment import Assignment
from .definition import validation
from .definition.components import Component, GraphWork
from .definition.reading import read_command, read_pipeline
from .definition.specification import Asset, Given, Literal, Node, Pipeline, Settings
from .ending import ending, release, tell_mlflow
from .files import outputs
from .process.programs import end_strays
from .scheduler import given, run_graph
from .services import Services
from .stopping import JobFailed, Stop

log = logging.getLogger(__name__)

CANCEL = "job cancel"
_INTERRUPTED = "The emulator was stopped while this job ran; it is not resumed. Submit it again."
_TICK_SECONDS = 0.5


def read(context: Context, name: str, properties: Mapping[str, Any]) -> Pipeline | Node:
    """What was submitted, checked. Raises ServiceError (400, 501)."""
    if properties["jobType"] == "Pipeline":
        pipeline = read_pipeline(context, properties)
        validation.check_pipeline(context, pipeline)
        return pipeline
    node = read_command(properties, name)
    validation.check_node(context, node)
    return node


_KINDS = {"Pipeline": "azureml.PipelineRun", "Command": "azureml.scriptrun", "Sweep": "hyperdrive"}
"""Types of runs, as run history names them, by the type of the job."""


def begin(services: Services, name: str, properties: Mapping[str, Any], work: Pipeline | Node) -> None:
    """Note the job's run, and let it begin in the background."""
    kind = _KINDS[properties["jobType"]]
    services.runs.create(
        runs.NewRun(
            name=name,
            display_name=str(properties.get("displayName") or name),
            kind=kind,
            experiment=str(properties["experimentName"]),
            compute=None if isinstance(work, Pipeline) else compute.name(work),
            tags=properties.get("tags") or {},
            properties={"azureml.runsource": kind, **(properties.get("properties") or {})},
        )
    )
    stop = Stop()
    services.stops[name] = stop
    services.job_threads.submit(_run, services, name, work, stop)


def _run(services: Services, name: str, work: Pipeline | Node, stop: Stop) -> None:
    try:
        with ending(services, name):
            if isinstance(work, Pipeline):
                _run_pipeline(services, name, work, stop)
            else:
                _run_node(services, name, work, stop)
    except Exception:
        log.exception("job %s", name)
        raise
    finally:
        release(services, name)


def _track(services: Services, name: str, node: Node, stop: Stop) -> Assignment:
    """Make the job's MLflow run; the answer is the job's assignment so far. Raises JobFailed, JobCanceled."""
    run = services.runs.get(name)
    if run is None:
        raise JobFailed(f"the run of job {name} is gone", "ServiceError")
    services.tracking.wait(stop.event)
    stop.check()
    experiment_id = services.tracking.experiment(run["experiment"])
    mlflow = services.tracking.create_run(experiment_id, run["display_name"], parent=None, tags=run["tags"])
    services.runs.update(name, mlflow=mlflow, experiment_id=experiment_id)
    return Assignment(name, name, run["experiment"], experiment_id, mlflow, node, {}, {})


def _run_pipeline(services: Services, name: str, pipeline: Pipeline, stop: Stop) -> None:
    services.runs.move(name, runs.PREPARING)
    graph = pipeline.graph
    component = Component(name, graph.inputs, graph.outputs, GraphWork({}))
    node = Node(name, name, component, pipeline.inputs, pipeline.outputs, None, graph=graph)
    assignment = _settled(services, _track(services, name, node, stop), pipeline.inputs, pipeline.settings)
    run_graph(services, assignment, graph, stop, pipeline.outputs)


def _run_node(services: Services, name: str, node: Node, stop: Stop) -> None:
    sources = {key: source for key, source in node.inputs.items() if isinstance(source, Literal | Asset)}
    assignment = _settled(services, _track(services, name, node, stop), sources, Settings())
    compute.watch(services.context, node, stop)
    if node.sweep is not None:
        # In this thread: a sweep waits for its trials, and must not keep the threads that they need.
        performing.perform(services, assignment, stop)
    else:
        future = services.node_threads.submit(performing.perform, services, assignment, stop)
        while not wait([future], timeout=_TICK_SECONDS).done:
            compute.watch(services.context, node, stop)
        future.result()
    run = services.runs.get(name) or {"outputs": {}}
    for output, target in node.outputs.items():
        if output in run["outputs"]:
            outputs.register(services.context, target, run["outputs"][output], name)


def _settled(
    services: Services, assignment: Assignment, sources: Mapping[str, Given], settings: Settings
) -> Assignment:
    """The job's assignment with its inputs as they are now, and the places of its outputs."""
    inputs = {key: given(services, source) for key, source in sources.items()}
    for key, port in assignment.node.component.inputs.items():
        if key not in inputs and port.default is not None:
            inputs[key] = Literal(port.default)
    places = outputs.places(services.context, assignment.node, assignment.run, {}, settings)
    return replace(assignment, inputs=inputs, outputs=places, settings=settings)


def cancel(services: Services, name: str) -> dict[str, str]:
    """Ask a job (or one node of a pipeline) to end; the answer is the headers to follow that by."""
    target = f"{services.context.workspace_id}/jobs/{name}"
    # Ended by `release` as soon as the job is over; the time given here is only how long a client would wait.
    with services.context.store.transaction():
        headers = services.context.operations.start(CANCEL, target, seconds=3600)
        services.runs.move(name, runs.CANCEL_REQUESTED)
    stop = services.stops.get(name)
    if stop is not None:
        stop.cancel()
    else:
        _cancel_logged(services, name)
        release(services, name)  # It ended meanwhile.
    return headers


def _cancel_logged(services: Services, name: str) -> None:
    """End a run that a client began in MLflow: nothing here runs it, so nothing else will."""
    run = services.runs.get(name)
    if run is not None and run["kind"] == runs.LOGGED:
        services.runs.move(name, runs.CANCELED)
        tell_mlflow(services, {**run, "status": runs.CANCELED})


def fail_interrupted(services: Services) -> None:
    """Mark what ran when the emulator was killed, and end what is left of its processes.

    What was to be canceled is canceled now, and its nodes with it; all else has failed.
    """
    interrupted = services.runs.unfinished()
    canceled = {run["name"] for run in interrupted if run["status"] == runs.CANCEL_REQUESTED}
    for run in interrupted:
        if run["mlflow"]:
            end_strays(run["mlflow"])
        if canceled & {run["name"], run["parent"], run["root"]}:
            services.runs.move(run["name"], runs.CANCELED)
        else:
            services.runs.fail(run["name"], JobFailed(_INTERRUPTED, "ServiceError"))
    # All of them, for the kill may have come between the end of a job and that of its cancel operation.
    services.context.operations.cut_short_all(CANCEL)
    trees.remove(services.context.settings.state / "jobs")
    in_mlflow = services.runs.untold()
    if in_mlflow:
        services.job_threads.submit(_end_in_mlflow, services, in_mlflow)


def _end_in_mlflow(services: Services, untold: list[Value]) -> None:
    try:
        services.tracking.wait(services.closing)
    except JobFailed:
        log.exception("MLflow is not told of the runs that a kill has ended")
        return
    for run in untold:
        if services.closing.is_set():
            return
        tell_mlflow(services, run)


def interrupt_all(services: Services) -> None:
    """End all jobs, since the emulator stops, and wait until they are over."""
    services.closing.set()
    for stop in list(services.stops.values()):
        stop.fail(JobFailed(_INTERRUPTED, "ServiceError"))
    services.job_threads.shutdown(wait=True)
    services.node_threads.shutdown(wait=True)
