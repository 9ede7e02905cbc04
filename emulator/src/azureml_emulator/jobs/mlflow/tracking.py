"""MLflow: a real tracking server on loopback, and what the emulator itself asks of it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx

from ... import processes
from ...context import Context
from ..process.surroundings import surroundings
from ..stopping import JobFailed

_READY_SECONDS = 90.0
_POLL_SECONDS = 0.1
# Parts of the server that nothing here uses: they cost processes, memory and seconds.
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
_STOP_SECONDS = 2.0
"""Then it is killed: SQLite has all that was acknowledged."""

_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED"}


class Tracking:
    """The MLflow server of one emulator: SQLite and a folder of artifacts in its state folder."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._folder = context.settings.state / "mlflow"
        self._was_ready = self._folder / "was-ready"
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        self._ready = threading.Event()
        self._experiments: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Where it listens; the jobs' MLFLOW_TRACKING_URI."""
        return f"http://127.0.0.1:{self._context.settings.ports.mlflow}"

    def start(self) -> None:
        """Start the server, without waiting for it to be ready: that takes seconds."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget_half_made_database()
        environment = surroundings(("HOME", "VIRTUAL_ENV"), own_proxy=self._context.settings.ports.proxy)
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"),
                    *("--port", str(self._context.settings.ports.mlflow)),
                    *("--backend-store-uri", f"sqlite:///{self._folder / 'mlflow.db'}"),
                    *("--artifacts-destination", str(self._folder / "artifacts")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**environment, **_QUIET},
            )
        self._recorded = processes.record(self._context.settings.state / "pid", "mlflow", self._process.pid)

    def _forget_half_made_database(self) -> None:
        """Remove a database whose server was never ready: one that was killed while it made the tables.

        MLflow cannot go on from there, and no run can be in it, since each waits for the server to be ready.
        """
        if not self._was_ready.exists():
            for file in self._folder.glob("mlflow.db*"):
                file.unlink()

    def stop(self) -> None:
        """End the server."""
        self._client.close()
        if self._process is not None:
            processes.end(self._recorded, seconds=_STOP_SECONDS)
            self._process.wait()

    def wait(self, cancel: threading.Event | None = None) -> None:
        """Wait until the server answers. Raises JobFailed if it does not come up."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._ready.is_set():
            if self._answers():
                self._was_ready.touch()
                self._ready.set()
                return
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise JobFailed(f"the MLflow server did not start: see {self._folder / 'server.log'}", "ServiceError")
            if cancel is not None and cancel.wait(_POLL_SECONDS):
                return
            if cancel is None:
                time.sleep(_POLL_SECONDS)

    def _answers(self) -> bool:
        try:
            return self._client.get("/health").is_success
        except httpx.TransportError:
            return False

    def experiment(self, name: str) -> str:
        """The id of the experiment called `name`, made if it is missing."""
        found = self._client.get("/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": name})
        if found.is_success:
            return str(found.json()["experiment"]["experiment_id"])
        made = self._client.post("/api/2.0/mlflow/experiments/create", json={"name": name})
        if made.is_success:
            return str(made.json()["experiment_id"])
        if made.json().get("error_code") == "RESOURCE_ALREADY_EXISTS":
            return self.experiment(name)  # Another job was quicker.
        raise _refused("experiment", made)

    def experiment_name(self, experiment_id: str) -> str:
        """The name of the experiment with this id."""
        if experiment_id not in self._experiments:
            found = self._get("experiments/get", {"experiment_id": experiment_id})
            self._experiments[experiment_id] = str(found["experiment"]["name"])
        return self._experiments[experiment_id]

    def set_tags(self, run: str, tags: Mapping[str, str]) -> None:
        """Add tags to those of a run."""
        self._post("runs/log-batch", {"run_id": run, "tags": [{"key": k, "value": v} for k, v in tags.items()]})

    def create_run(self, experiment_id: str, display_name: str, *, parent: str | None, tags: dict[str, str]) -> str:
        """A new run, and its id."""
        own = {"mlflow.runName": display_name, "mlflow.source.type": "JOB", "mlflow.user": "emulator", **tags}
        if parent is not None:
            own |= {"mlflow.parentRunId": parent, "mlflow.rootRunId": parent}
        listed = [{"key": key, "value": value} for key, value in own.items()]
        body = {"experiment_id": experiment_id, "run_name": display_name, "tags": listed, "start_time": _milliseconds()}
        return str(self._post("runs/create", body)["run"]["info"]["run_id"])

    def end_run(self, run: str, status: str) -> None:
        """Set a run's end, for the status in which the job ended."""
        self._post("runs/update", {"run_id": run, "status": _STATUS[status], "end_time": _milliseconds()})

    def reports(self, run: str, metric: str) -> list[float]:
        """All values of a metric that the run has logged, in the order in which it did."""
        path, reports, page = "metrics/get-history", [], ""
        while True:
            told = self._get(path, {"run_id": run, "metric_key": metric, "max_results": "25000", "page_token": page})
            reports += told.get("metrics", [])
            if not (page := told.get("next_page_token", "")):
                break
        # MLflow's own order is none: the time decides, and the step where that is the same.
        reports.sort(key=lambda one: (int(one["timestamp"]), int(one.get("step", 0))))
        return [float(one["value"]) for one in reports]

    def metrics(self, run: str) -> list[str]:
        """Names of the metrics that the run has logged."""
        return sorted(one["key"] for one in self._get("runs/get", {"run_id": run})["run"]["data"].get("metrics", []))

    def _get(self, operation: str, query: dict[str, str]) -> dict[str, Any]:
        given = {key: value for key, value in query.items() if value}
        answer = self._client.get(f"/api/2.0/mlflow/{operation}", params=given)
        if not answer.is_success:
            raise _refused(operation, answer)
        return dict(answer.json())

    def _post(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"/api/2.0/mlflow/{operation}", json=body)
        if not answer.is_success:
            raise _refused(operation, answer)
        return dict(answer.json())


def _refused(operation: str, answer: httpx.Response) -> JobFailed:
    return JobFailed(f"MLflow answered {answer.status_code} to {operation}: {answer.text[:300]}", "ServiceError")


def _milliseconds() -> int:
    return int(time.time() * 1000)
