"""Runs a pipeline: nodes start as soon as what they read is there, side by side as far as there are cores."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import replace

from ..errors import ServiceError
from . import children, compute, reuse, runs
from .assignment import Assignment, Files, Value
from .children import Child
from .definition.references import NodeOutput, ParentInput
from .definition.specification import Asset, Given, Graph, Literal, Node, Target
from .ending import beginning
from .files import outputs, storage
from .process.logs import EXECUTION_LOG, RunLog
from .services import Services
from .stopping import JobCanceled, JobFailed, Stop

_TICK_SECONDS = 0.5
_KIND = "azureml.StepRun"


def run_graph(
    services: Services, assignment: Assignment, graph: Graph, stop: Stop, targets: Mapping[str, Target] | None = None
) -> None:
    """Run the nodes of a pipeline to their end, with a log of the pipeline's own. Raises JobFailed or JobCanceled.

    `targets` says what is to become of a job's outputs; those of a pipeline within another are that one's business.
    """
    stop.check()
    written = RunLog(services.context.blobs, assignment.run, EXECUTION_LOG)
    services.runs.add_log(assignment.run, EXECUTION_LOG)
    try:
        _Scheduler(services, assignment, graph, stop=stop, written=written, targets=targets or {}).run()
    finally:
        written.close()


class _Scheduler:
    """One pipeline in progress; `assignment` is the pipeline's own run."""

    def __init__(
        self,
        services: Services,
        assignment: Assignment,
        graph: Graph,
        *,
        stop: Stop,
        written: RunLog,
        targets: Mapping[str, Target],
    ) -> None:
        self._services = services
        self._own = assignment
        self._graph = graph
        self._stop = stop
        self._log = written
        self._targets = targets
        self._waiting = dict(graph.nodes)
        self._running: dict[str, Child] = {}
        self._keys: dict[str, str | None] = {}
        self._completed: dict[str, str] = {}
        self._failed: dict[str, JobFailed] = {}

    def run(self) -> None:
        """Run the pipeline to its end. Raises JobFailed or JobCanceled unless it completes."""
        self._services.runs.move(self._own.run, runs.RUNNING)
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
        self._services.runs.move(self._own.run, runs.FINALIZING)
        self._log.stamped("Finished experiment, status is Completed.")

    def _work_left(self) -> bool:
        if self._gives_up():
            return False
        return bool(self._running) or any(self._is_ready(node) for node in self._waiting.values())

    def _gives_up(self) -> bool:
        return bool(self._failed) and not self._own.settings.continue_on_failure

    def _is_ready(self, node: Node) -> bool:
        return node.needs() <= self._completed.keys()

    def _start_ready(self) -> None:
        ready = [node for node in self._waiting.values() if self._is_ready(node)]
        for node in ready:
            if self._gives_up():
                return
            del self._waiting[node.name]
            self._start(node)

    def _start(self, node: Node) -> None:
        services = self._services
        properties = {"azureml.nodeName": node.name}
        if node.graph is not None:
            properties["StepType"] = "SubGraphCloudStep"
        made = children.create(services, self._own, node, kind=_KIND, properties=properties)
        try:
            with beginning(services, made.run):
                reused = self._begin(node, made)
        except JobFailed as error:
            self._note_failed(node, error)
            return
        if reused:
            self._note_completed(node, made.run)

    def _begin(self, node: Node, made: Assignment) -> bool:
        """Let a node run, or have it answered from a former run; whether it is that."""
        services = self._services
        places = outputs.places(services.context, node, made.run, self._own.outputs, self._own.settings)
        assignment = replace(made, inputs=self._values(node), outputs=places)
        self._log.stamped(f"Submitting node {node.name} as run {made.run}")
        key = reuse.key(services, assignment)
        if key is not None and not self._own.settings.force_rerun and (former := reuse.find(services, key)):
            reuse.take_over(services, assignment, former)
            self._log.stamped(
                f"Node {node.name} is answered from run {former['name']}: same component, inputs and code"
            )
            return True
        self._keys[node.name] = key
        self._running[node.name] = children.begin(services, assignment)
        return False

    def _values(self, node: Node) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for name, port in node.component.inputs.items():
            value = self._value(node.inputs.get(name))
            if value is None and port.default is not None:
                value = Literal(port.default)
            if isinstance(value, Files):
                value = replace(value, mode=node.modes.get(name) or value.mode or port.mode)
            if value is not None:
                values[name] = value
        return values

    def _value(self, source: object) -> Value | None:
        if isinstance(source, ParentInput):
            return self._own.inputs.get(source.name)
        if isinstance(source, NodeOutput):
            return self._output_of(source)
        return given(self._services, source) if isinstance(source, Literal | Asset) else None

    def _output_of(self, source: NodeOutput) -> Files:
        run = self._services.runs.get(self._completed[source.node])
        if run is None:
            raise JobFailed(f"the run of node {source.node} is gone", "ServiceError")
        output = run["outputs"].get(source.name)
        if output is None:
            raise JobFailed(f"node {source.node} has written no output {source.name}")
        return Files(str(output["uri"]), str(output["type"]), job=run["name"])

    def _tick(self) -> None:
        """Wait for a node to end, or for a while, and look what has become of the running ones."""
        if not self._running:
            return
        wait([child.future for child in self._running.values()], timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
        for child in list(self._running.values()):
            if child.future.done():
                del self._running[child.node.name]
                self._take(child)
            else:
                compute.watch(self._services.context, child.node, child.stop)

    def _take(self, child: Child) -> None:
        run = children.settle(self._services, child)
        status = run["status"]
        self._log.stamped(f"Completing processing run id {child.run} (node {child.node.name}): {status}")
        if status == runs.COMPLETED:
            if (key := self._keys[child.node.name]) is not None:
                reuse.remember(self._services, child.run, key)
            self._note_completed(child.node, child.run)
            return
        error = run["error"] or {"code": "UserError", "message": "the node was canceled"}
        self._note_failed(child.node, JobFailed(error["message"], error["code"]))

    def _note_failed(self, node: Node, error: JobFailed) -> None:
        self._failed[node.name] = error
        self._log.stamped(f"Node {node.name} failed: {error.message}")

    def _note_completed(self, node: Node, run: str) -> None:
        self._completed[node.name] = run
        value = self._services.runs.get(run)
        if value is not None:
            outputs.publish(self._services, node, value, parent=self._own.run, targets=self._targets)

    def _end_running(self) -> None:
        """Cancel what runs on, and wait for it to be over."""
        for child in self._running.values():
            child.stop.cancel()
        for child in self._running.values():
            children.settle(self._services, child)
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
    try:
        found = storage.find(services.context, source.uri, source.type)
    except ServiceError as error:
        raise JobFailed(error.message, error.code) from error
    return Files(found.uri, source.type, mode=source.mode)
