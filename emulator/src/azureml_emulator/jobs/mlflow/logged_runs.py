"""Runs that nobody submitted: what a client begins in MLflow itself becomes a run of the workspace, as in Azure.

A run begun from outside is a job of its own, which `jobs.list` shows; one that a job begins within its own
(`nested=True`) is a child of that job's run. Only MLflow tells what becomes of either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ... import arm
from .. import runs
from ..services import Services

_JOBS = "jobs"
_STATUS = {
    "RUNNING": runs.RUNNING,
    "SCHEDULED": runs.QUEUED,
    "FINISHED": runs.COMPLETED,
    "FAILED": runs.FAILED,
    "KILLED": runs.CANCELED,
}
_PARENT = "mlflow.parentRunId"
_NAME = "mlflow.runName"
_NOT_SHOWN = frozenset({_PARENT, "mlflow.rootRunId", _NAME})


class LoggedRuns:
    """Follows what clients change in MLflow, by the requests that MLflow has granted."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runs = services.runs

    def follow(self, operation: str, body: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Take over what a granted request has changed; run ids in `body` and `answer` are names."""
        change = {
            "runs/create": self._created,
            "runs/update": self._updated,
            "runs/delete": self._deleted,
            "runs/restore": self._restored,
            "runs/set-tag": self._tagged,
            "runs/delete-tag": self._untagged,
            "runs/log-batch": self._tagged_many,
        }.get(operation)
        if change is not None:
            change(body, answer)

    def _created(self, _: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        context, run = self._services.context, answer["run"]
        name, experiment_id = run["info"]["run_id"], run["info"]["experiment_id"]
        tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}
        parent = self._runs.get(tags.get(_PARENT, "")) or {}
        shown = run["info"].get("run_name") or tags.get(_NAME) or name
        experiment = self._services.tracking.experiment_name(experiment_id)
        new = runs.NewRun(
            name=name,
            display_name=shown,
            kind=runs.LOGGED,
            experiment=experiment,
            mlflow=name,
            experiment_id=experiment_id,
            parent=parent.get("name"),
            root=parent.get("root") or parent.get("name"),
            tags=_shown(tags.items()),
        )
        with context.store.transaction():
            self._runs.create(new)
            self._runs.move(name, _STATUS.get(run["info"].get("status"), runs.RUNNING))
            if not parent:
                path = f"{context.workspace_id}/{_JOBS}/{name}"
                context.store.put(_JOBS, path, arm.resource(path, _JOBS, _job(experiment, shown)))

    def _updated(self, body: Mapping[str, Any], _: Mapping[str, Any]) -> None:
        name = str(body.get("run_id") or body.get("run_uuid"))
        if shown := body.get("run_name"):
            self._runs.update(name, display_name=str(shown))
        status = _STATUS.get(str(body.get("status")))
        run = self._runs.get(name)
        # The state of a job is the emulator's to tell, whatever the job's own script says of it.
        if run is not None and run["kind"] == runs.LOGGED and status is not None:
            ended = arm.now() if status in runs.TERMINAL else None
            self._runs.update(name, status=status, endTimeUtc=ended)

    def _deleted(self, body: Mapping[str, Any], _: Mapping[str, Any]) -> None:
        self._runs.update(str(body.get("run_id")), hidden=True)

    def _restored(self, body: Mapping[str, Any], _: Mapping[str, Any]) -> None:
        self._runs.update(str(body.get("run_id")), hidden=False)

    def _tagged(self, body: Mapping[str, Any], _: Mapping[str, Any]) -> None:
        self._tag(body, [(str(body.get("key")), str(body.get("value", "")))])

    def _tagged_many(self, body: Mapping[str, Any], _: Mapping[str, Any]) -> None:
        self._tag(body, [(str(tag["key"]), str(tag.get("value", ""))) for tag in body.get("tags") or []])

    def _tag(self, body: Mapping[str, Any], tags: Iterable[tuple[str, str]]) -> None:
        name, given = str(body.get("run_id") or body.get("run_uuid")), dict(tags)
        if shown := given.get(_NAME):
            self._runs.update(name, display_name=shown)
        if shown_tags := _shown(given.items()):
            self._runs.describe(name, tags=shown_tags)

    def _untagged(self, body: Mapping[str, Any], _: Mapping[str, Any]) -> None:
        name = str(body.get("run_id"))
        run = self._runs.get(name)
        if run is not None:
            self._runs.update(name, tags={key: value for key, value in run["tags"].items() if key != body.get("key")})


def _shown(tags: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {key: value for key, value in tags if key not in _NOT_SHOWN}


def _job(experiment: str, display_name: str) -> dict[str, Any]:
    """A job without a command: there is none that the workspace knows of."""
    return {
        "jobType": "Command",
        "displayName": display_name,
        "experimentName": experiment,
        "description": None,
        "command": "",
        "environmentId": None,
        "computeId": None,
        "codeId": None,
        "inputs": {},
        "outputs": {},
        "properties": {},
        "tags": {},
    }
