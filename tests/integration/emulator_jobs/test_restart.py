"""What a job is after the emulator was killed at a bad moment: brought about, or written into the store."""

import os
import signal
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest
from azure.ai.ml import MLClient, command, dsl
from azure.ai.ml.entities import Job
from azure.identity import ClientSecretCredential

from azureml_emulator import lifecycle, processes
from azureml_emulator.settings import Settings, load
from azureml_emulator.store import Store
from tests.integration.emulator_jobs.conftest import COMPUTE, ENVIRONMENT, children, ended, failure, until, workspace


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An emulator of its own, to kill."""
    state = tmp_path_factory.mktemp("own")
    yield lifecycle.up(state)
    lifecycle.down(state)


@pytest.fixture
def client(own: Settings, monkeypatch: pytest.MonkeyPatch) -> MLClient:
    for name in lifecycle.environment(own):
        monkeypatch.setenv(name, "")
    restart(own)
    names = (own.subscription_id, own.resource_group, own.workspace)
    return workspace(MLClient(identity_of(own), *names, enable_telemetry=False, show_progress=False))


def identity_of(own: Settings) -> ClientSecretCredential:
    return ClientSecretCredential(own.tenant_id, own.client_id, own.client_secret)


def kill(own: Settings) -> None:
    pid = processes.running(own.state / "pid" / "emulator")
    assert pid
    os.kill(pid, signal.SIGKILL)
    until("its end", lambda: processes.began_at(pid) is None)


def restart(own: Settings) -> None:
    """Start it again; its ports may be others than before."""
    os.environ.update(lifecycle.environment(lifecycle.up(own.state)))


def submit(client: MLClient, text: str) -> str:
    step = command(command=text, environment=f"{ENVIRONMENT}:1", display_name="step")

    @dsl.pipeline(default_compute=COMPUTE, experiment_name="restart")  # type: ignore[call-overload, untyped-decorator]
    def pipeline() -> None:
        step()

    submitted: Job = client.jobs.create_or_update(pipeline())
    return str(submitted.name)


def mlflow(own: Settings, run: str, status: str | None = None) -> str:
    """The status of a run in MLflow, after setting it if one is given."""
    base = f"http://127.0.0.1:{load(own.state).ports.mlflow}/api/2.0/mlflow"
    with httpx.Client(trust_env=False) as http:
        try:
            if status:
                http.post(f"{base}/runs/update", json={"run_id": run, "status": status}).raise_for_status()
            answer = http.get(f"{base}/runs/get", params={"run_id": run})
        except httpx.TransportError:
            return "nobody"  # MLflow takes longer to be ready than the emulator.
        return str(answer.raise_for_status().json()["run"]["info"]["status"])


@pytest.mark.conformance("trust: after a kill jobs are marked as what they are")
def test_a_job_that_was_being_canceled_is_canceled(own: Settings, client: MLClient) -> None:
    name = submit(client, "trap '' TERM; echo up; while true; do sleep 1; done")
    until("the node to run", lambda: [c.status for c in children(client, name).values()] == ["Running"])
    client.jobs.begin_cancel(name)
    kill(own)
    restart(own)
    assert client.jobs.get(name).status == "Canceled"
    assert [c.status for c in children(client, name).values()] == ["Canceled"]


@pytest.mark.conformance("trust: after a kill jobs are marked as what they are")
def test_what_a_kill_kept_from_being_told_is_told(own: Settings, client: MLClient) -> None:
    """The job's end was stored, but neither the cancel operation that waited for it nor MLflow had heard of it."""
    name = submit(client, "true")
    assert ended(client, name) == "Completed"
    node = next(str(child.name) for child in children(client, name).values())
    until("MLflow to be told", lambda: mlflow(own, node) == "FINISHED")
    assert mlflow(own, node, "RUNNING") == "RUNNING"
    lasting = submit(client, "sleep 600")
    kill(own)
    identity = str(uuid.uuid4())
    store = Store(own.state / "store.sqlite")
    store.update("runs", node, lambda run: run.update(told=False))
    operation = {"id": identity, "name": "job cancel", "target": f"{own.workspace_id}/jobs/{name}"}
    store.put("operations", identity, {**operation, "due": time.time() + 3600, "status": "InProgress"})
    store.close()
    restart(own)
    until("the cancel to end", lambda: operation_status(own, identity) == "Succeeded", seconds=20)
    until("MLflow to be told", lambda: mlflow(own, node) == "FINISHED")
    assert client.jobs.get(name).status == "Completed"
    assert client.jobs.get(lasting).status == "Failed"
    assert "The emulator was stopped while this job ran" in failure(client, lasting)


def operation_status(own: Settings, identity: str) -> str:
    path = f"/subscriptions/{own.subscription_id}/providers/Microsoft.MachineLearningServices/locations/westeurope"
    url = f"https://management.azure.com{path}/mfeOperationsStatus/{identity}"
    token = identity_of(own).get_token("https://management.azure.com/.default").token
    return str(httpx.get(url, headers={"Authorization": f"Bearer {token}"}).json()["status"])
