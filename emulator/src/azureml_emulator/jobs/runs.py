"""Runs: what has become of a job and of the nodes of a pipeline. A run's id is its job's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .. import arm
from ..settings import REGION
from ..store import Store, Value
from .mlflow.run_names import RunNames
from .stopping import JobFailed

KIND = "runs"
ASSETS = "run outputs"
_WRITERS = "writers of outputs"

NOT_STARTED = "NotStarted"
QUEUED = "Queued"
PREPARING = "Preparing"
PROVISIONING = "Provisioning"
STARTING = "Starting"
RUNNING = "Running"
FINALIZING = "Finalizing"
CANCEL_REQUESTED = "CancelRequested"
CANCELED = "Canceled"
FAILED = "Failed"
COMPLETED = "Completed"

TERMINAL = frozenset({CANCELED, FAILED, COMPLETED})

LOGGED = "mlflow"
"""The kind of a run that a client began in MLflow: nothing here runs it, so only the client can tell its state."""


@dataclass(frozen=True)
class NewRun:
    """A run to begin; `mlflow` is the id of its MLflow run, by which its processes are known ("": not made yet).

    `root` is the job that a child run belongs to, through however many pipelines.
    """

    name: str
    display_name: str
    kind: str
    experiment: str
    mlflow: str = ""
    experiment_id: str = ""
    parent: str | None = None
    root: str | None = None
    compute: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


class Runs:
    """The runs in the store."""

    def __init__(self, store: Store, workspace: str) -> None:
        self._store = store
        self._workspace = workspace
        self.names = RunNames(store, KIND)

    def create(self, new: NewRun) -> None:
        """Add a run in the state NotStarted."""
        value = {
            **asdict(new),
            "status": NOT_STARTED,
            "createdUtc": arm.now(),
            "startTimeUtc": None,
            "endTimeUtc": None,
        }
        self._store.put(KIND, new.name, {**value, "error": None, "outputs": {}, "logs": [], "hidden": False})
        self.names.note(new.name, new.mlflow)

    def get(self, name: str) -> Value | None:
        """The run, or None."""
        return self._store.get(KIND, name)

    def children(self, name: str) -> list[Value]:
        """The runs of a pipeline's nodes, oldest first."""
        newest_first, _ = self._store.search(KIND, {"parent": name}, limit=-1)  # SQLite's way to say: all.
        return list(newest_first)[::-1]

    def unfinished(self) -> list[Value]:
        """The runs that have not ended, but for those that nothing here runs."""
        return [run for run in self._store.list(KIND) if run["status"] not in TERMINAL and run["kind"] != LOGGED]

    def untold(self) -> list[Value]:
        """The runs that have ended without MLflow being told so; it has told of the end of what was only logged."""
        ended = [run for run in self._store.list(KIND) if run["status"] in TERMINAL and run["kind"] != LOGGED]
        return [run for run in ended if run["mlflow"] and not run.get("told")]

    def move(self, name: str, status: str) -> None:
        """Bring a run to another state. One that ended stays as it is; after a request to cancel it can only end."""

        def change(run: Value) -> None:
            if run["status"] in TERMINAL or (run["status"] == CANCEL_REQUESTED and status not in TERMINAL):
                return
            run["status"] = status
            if status == RUNNING and run["startTimeUtc"] is None:
                run["startTimeUtc"] = arm.now()
            if status in TERMINAL:
                run["endTimeUtc"] = arm.now()

        self._store.update(KIND, name, change)

    def fail(self, name: str, error: JobFailed, *, node: str | None = None) -> None:
        """Say why a run fails, then let it have failed; `node` is the pipeline's node at fault."""
        told = {"code": error.code, "message": error.message, "node": node, "time": arm.now()}
        with self._store.transaction():
            self.update(name, error=told)
            self.move(name, FAILED)

    def update(self, name: str, **fields: Any) -> None:
        """Set fields of a run."""
        self._store.update(KIND, name, lambda run: run.update(fields))
        self.names.note(name, fields.get("mlflow", ""))

    def describe(
        self, name: str, *, tags: Mapping[str, str] | None = None, properties: Mapping[str, str] | None = None
    ) -> None:
        """Add tags and properties to those that a run has."""

        def change(run: Value) -> None:
            run["tags"] = {**run["tags"], **(tags or {})}
            run["properties"] = {**run["properties"], **(properties or {})}

        self._store.update(KIND, name, change)

    def add_log(self, name: str, log: str) -> None:
        """Note that the run has this log file."""

        def change(run: Value) -> None:
            if log not in run["logs"]:
                run["logs"].append(log)

        self._store.update(KIND, name, change)

    def add_output(self, name: str, output: str, *, uri: str, kind: str) -> None:
        """Note that the run has an output of type `kind`, which is at `uri`; the answer of Azure is an asset's id."""
        is_model = kind.endswith("_model")
        noun, middle = ("models", "output") if is_model else ("data", "output_data")
        asset = f"azureml://locations/{REGION}/workspaces/{self._workspace}/{noun}/azureml_{name}_{middle}_{output}/versions/1"
        described = {"uri": uri, "type": kind, "asset": asset}
        self._store.put(ASSETS, asset, described)
        self._store.update(KIND, name, lambda run: run["outputs"].update({output: described}))

    def note_writer(self, uri: str, name: str) -> None:
        """Note that this run was the last to write what is at a URI."""
        self._store.put(_WRITERS, uri.rstrip("/"), {"run": name})

    def writer(self, uri: str) -> str | None:
        """The name of the run that last wrote its output to a URI, or None."""
        known = self._store.get(_WRITERS, uri.rstrip("/"))
        return None if known is None else str(known["run"])

    def asset(self, identity: str) -> Value | None:
        """The output of a run that this asset id stands for, or None."""
        return self._store.get(ASSETS, identity)
