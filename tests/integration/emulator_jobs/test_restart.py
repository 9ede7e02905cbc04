"""What a job is after the emulator was killed at a bad moment: brought about, or written into the store."""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from azure.ai.ml import MLClient, command, dsl
from azure.ai.ml.entities import Job
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ClientSecretCredential

from azureml_emulator import lifecycle, processes
from azureml_emulator.settings import Settings, load
from azureml_emulator.store import Store
from tests.integration.emulator_jobs.conftest import COMPUTE, ENVIRONMENT, children, ended, until, workspace


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
    credential = ClientSecretCredential(own.tenant_id, own.client_id, own.client_secret)
    names = (own.subscription_id, own.resource_group, own.workspace)
    return workspace(MLClient(credential, *names, enable_telemetry=False, show_progress=False))


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
        if status:
            http.post(f"{base}/runs/update", json={"run_id": run, "status": status}).raise_for_status()
        answer = http.get(f"{base}/runs/get", params={"run_id": run})
        return str(answer.raise_for_status().json()["run"]["info"]["status"]) if answer.is_success else "not there"


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
def test_the_cancel_of_a_job_that_had_ended_does_not_stay_open(own: Settings, client: MLClient) -> None:
    name = submit(client, "true")
    assert ended(client, name) == "Completed"
    kill(own)
    identity = str(uuid.uuid4())
    job = f"{own.workspace_id}/jobs/{name}"
    store = Store(own.state / "store.sqlite")
    operation = {"id": identity, "name": "job cancel", "target": job, "due": time.time() + 3600}
    store.put("operations", identity, {**operation, "status": "InProgress"})
    store.close()
    restart(own)
    store_of_operations(own, identity)
    assert client.jobs.get(name).status == "Completed"


def store_of_operations(own: Settings, identity: str) -> None:
    """Wait until the operation has ended: only the emulator may open the store while it runs."""
    path = f"/subscriptions/{own.subscription_id}/providers/Microsoft.MachineLearningServices/locations/westeurope"
    url = f"https://management.azure.com{path}/mfeOperationsStatus/{identity}"
    credential = ClientSecretCredential(own.tenant_id, own.client_id, own.client_secret)
    token = credential.get_token("https://management.azure.com/.default").token
    headers = {"Authorization": f"Bearer {token}"}
    until("the operation to end", lambda: httpx.get(url, headers=headers).json()["status"] == "Succeeded", seconds=20)


@pytest.mark.conformance("trust: after a kill jobs are marked as what they are")
def test_mlflow_is_told_of_an_end_that_a_kill_kept_from_it(own: Settings, client: MLClient) -> None:
    name = submit(client, "true")
    assert ended(client, name) == "Completed"
    node = next(str(child.name) for child in children(client, name).values())
    until("MLflow to be told", lambda: mlflow(own, node) == "FINISHED")
    assert mlflow(own, node, "RUNNING") == "RUNNING"
    kill(own)
    store = Store(own.state / "store.sqlite")
    store.update("runs", node, lambda run: run.update(told=False))
    store.close()
    restart(own)

    def told() -> bool:
        try:
            return mlflow(own, node) == "FINISHED"
        except httpx.TransportError:
            return False  # MLflow takes longer to be ready than the emulator.

    until("MLflow to be told", told)


@pytest.mark.conformance("trust: after a kill jobs are marked as what they are")
def test_a_job_is_stored_with_its_run_or_not_at_all(own: Settings, client: MLClient, tmp_path: Path) -> None:
    """Of a submission that a kill interrupted, nothing is left: the same name can be submitted again."""
    step = command(command="sleep 600", environment=f"{ENVIRONMENT}:1", compute=COMPUTE)
    step.name = f"twice-{uuid.uuid4().hex[:8]}"
    client.jobs.create_or_update(step)
    kill(own)
    restart(own)
    try:
        assert client.jobs.get(step.name).status == "Failed"
    except ResourceNotFoundError:
        pytest.fail("a job that was acknowledged is gone")
    assert client.jobs.create_or_update(step).status == "Failed"
