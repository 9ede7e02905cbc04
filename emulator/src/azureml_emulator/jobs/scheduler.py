"""Runs a pipeline: nodes start as soon as what they read is there, side by side as far as there are cores."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from . import compute, outputs, runs, storage
from .executor import Assignment, Files, Value, execute
from .logs import RunLog
from .references import NodeOutput, ParentInput
from .services import Services
from .specification import Asset, Given, Literal, Node, Pipeline
from .stopping import JobCanceled, JobFailed, Stop

_TICK_SECONDS = 0.5


@dataclass(frozen=True)
class Job:
    """A job that has begun; `mlflow` is the id of its own MLflow run."""

    name: str
    experiment: str
    experiment_id: str
    mlflow: str


@dataclass
class _Child:
    node: Node
    run: str
    future: Future[None]
    stop: Stop


class Scheduler:
    """One pipeline in progress; it writes the pipeline's own log."""

    def __init__(self, services: Services, job: Job, pipeline: Pipeline, stop: Stop, written: RunLog) -> None:
        self._services = services
        self._job = job
        self._pipeline = pipeline
        self._stop = stop
        self._log = written
        self._waiting = dict(pipeline.nodes)
        self._running: dict[str, _Child] = {}
        self._completed: dict[str, str] = {}
        self._failed: dict[str, JobFailed] = {}

    def run(self) -> None:
        """Run the pipeline to its end. Raises JobFailed or JobCanceled unless it completes."""
        self._services.runs.move(self._job.name, runs.RUNNING)
        try:
            while self._work_left():
                self._stop.check()
                self._start_ready()
                self._tick()
        except (JobCanceled, JobFailed):
            self._log.stamped("Canceling the running nodes")
            raise
        finally:
            self._end_running()
        if self._failed:
            raise self._failure()
        self._services.runs.move(self._job.name, runs.FINALIZING)
        self._log.stamped("Finished experiment, status is Completed.")

    def _work_left(self) -> bool:
        if self._failed and not self._pipeline.continue_on_failure:
            return False
        return bool(self._running) or any(self._is_ready(node) for node in self._waiting.values())

    def _is_ready(self, node: Node) -> bool:
        return node.needs() <= self._completed.keys()

    def _start_ready(self) -> None:
        ready = [node for node in self._waiting.values() if self._is_ready(node)]
        for node in ready:
            del self._waiting[node.name]
            self._start(node)

    def _start(self, node: Node) -> None:
        services, job = self._services, self._job
        name = services.tracking.create_run(job.experiment_id, node.display_name, parent=job.mlflow, tags={})
        new = runs.NewRun(
            name=name,
            display_name=node.display_name,
            kind="azureml.StepRun",
            experiment=job.experiment,
            mlflow=name,
            experiment_id=job.experiment_id,
            parent=job.name,
            compute=compute.name(node),
            properties={
                "azureml.runsource": "azureml.StepRun",
                "azureml.nodeName": node.name,
                "azureml.pipelinerunid": job.name,
            },
        )
        services.runs.create(new)
        assignment = Assignment(
            run=name,
            root=job.name,
            experiment=job.experiment,
            experiment_id=job.experiment_id,
            mlflow=name,
            node=node,
            inputs=self._values(node),
            outputs=outputs.places(services.context, node, run=name, parent=job.name, parents=self._pipeline.outputs),
        )
        self._log.stamped(f"Submitting node {node.name} as run {name}")
        stop = Stop()
        compute.watch(services.context, node, stop)
        services.stops[name] = stop
        future = services.node_threads.submit(execute, services, assignment, stop)
        self._running[node.name] = _Child(node, name, future, stop)

    def _values(self, node: Node) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for name, port in node.component.inputs.items():
            source = node.inputs.get(name)
            if isinstance(source, ParentInput):
                source = self._pipeline.inputs.get(source.name)
            if isinstance(source, NodeOutput):
                values[name] = self._output_of(source)
            elif isinstance(source, Literal | Asset):
                values[name] = given(self._services, source)
            elif port.default is not None:
                values[name] = Literal(port.default)
        return values

    def _output_of(self, source: NodeOutput) -> Files:
        run = self._services.runs.get(self._completed[source.node])
        if run is None:
            raise JobFailed(f"the run of node {source.node} is gone", "ServiceError")
        output = run["outputs"][source.name]
        return Files(str(output["uri"]), str(output["type"]), job=run["name"])

    def _tick(self) -> None:
        """Wait for a node to end, or for a while, and look what has become of the running ones."""
        wait([child.future for child in self._running.values()], timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
        for child in list(self._running.values()):
            if child.future.done():
                del self._running[child.node.name]
                self._take(child)
            else:
                compute.watch(self._services.context, child.node, child.stop)

    def _take(self, child: _Child) -> None:
        child.future.result()
        self._services.stops.pop(child.run, None)
        run = self._services.runs.get(child.run)
        status = run["status"] if run else runs.FAILED
        self._log.stamped(f"Completing processing run id {child.run} (node {child.node.name}): {status}")
        if run is not None and status == runs.COMPLETED:
            self._completed[child.node.name] = child.run
            outputs.publish(self._services, child.node, run, parent=self._job.name, parents=self._pipeline.outputs)
            return
        error = (run or {}).get("error") or {"code": "UserError", "message": "the node was canceled"}
        self._failed[child.node.name] = JobFailed(error["message"], error["code"])
        self._log.stamped(f"Node {child.node.name} failed: {error['message']}")

    def _end_running(self) -> None:
        """Cancel what runs on, and wait for it to be over."""
        for child in self._running.values():
            child.stop.cancel()
        for child in self._running.values():
            child.future.result()
            self._services.stops.pop(child.run, None)
            self._log.stamped(f"Run id {child.run} (node {child.node.name}) was ended")
        self._running.clear()

    def _failure(self) -> JobFailed:
        names = ", ".join(f"/{name}" for name in self._failed)
        causes = "; ".join(f"{name}: {error.message}" for name, error in self._failed.items())
        code = next(iter(self._failed.values())).code
        self._log.stamped("Execution of experiment failed, update experiment status and cancel running nodes.")
        return JobFailed(f"Pipeline has failed child jobs. Failed nodes: {names}. {causes}", code)


def given(services: Services, source: Given) -> Value:
    """What an input that is no reference stands for now. Raises JobFailed if it is gone since the job was submitted."""
    if isinstance(source, Literal):
        return source
    return Files(storage.locate(services.context, source.uri), source.type)


def command_values(services: Services, node: Node) -> Mapping[str, Value]:
    """The input values of a standalone command."""
    return {
        name: given(services, source) for name, source in node.inputs.items() if isinstance(source, Literal | Asset)
    }
