import os
import signal
import time
import uuid
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute, ComputeInstance
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.identity import ClientSecretCredential

from azureml_emulator import lifecycle, processes
from azureml_emulator.faults.client import Control
from azureml_emulator.faults.rules import Rule
from azureml_emulator.settings import Settings
from tests.integration.emulator_faults.conftest import Arm, hits
from tests.integration.emulator_jobs.conftest import Submit, children, ended, failure, node, until


def instance(ml_client: MLClient) -> str:
    name = f"ci-{uuid.uuid4().hex[:8]}"
    ml_client.compute.begin_create_or_update(ComputeInstance(name=name, size="Standard_DS3_v2")).result()
    return name


@pytest.mark.conformance("faults: a stuck long-running operation")
def test_an_operation_is_stuck_until_its_fault_is_cleared(ml_client: MLClient, arm: Arm, control: Control) -> None:
    name = instance(ml_client)
    ml_client.compute.begin_stop(name).result()
    arm("stuck_operation", operation="compute start", resource=name)
    poller = ml_client.compute.begin_start(name)
    until("several polls", lambda: poller.wait(1.5) is None)
    assert not poller.done()
    assert ml_client.compute.get(name).state == "Starting"
    with pytest.raises(ResourceExistsError, match="in flight"):
        ml_client.compute.begin_stop(name)
    control.clear()
    poller.result()
    assert ml_client.compute.get(name).state == "Running"


@pytest.mark.conformance("faults: a stuck long-running operation")
def test_an_operation_is_stuck_for_a_time(ml_client: MLClient, arm: Arm) -> None:
    name = instance(ml_client)
    arm("stuck_operation", operation="compute stop", seconds=2)
    began = time.monotonic()
    ml_client.compute.begin_stop(name).result()
    assert 2 <= time.monotonic() - began < 10


@pytest.mark.conformance("faults: a compute that fails to allocate")
def test_an_instance_that_gets_no_machine(ml_client: MLClient, arm: Arm, control: Control) -> None:
    name = f"ci-{uuid.uuid4().hex[:8]}"
    arm("allocation_failed", compute=name, count=1)
    with pytest.raises(HttpResponseError, match="AllocationFailed") as caught:
        ml_client.compute.begin_create_or_update(ComputeInstance(name=name, size="Standard_DS3_v2")).result()
    assert caught.value.error is not None
    assert caught.value.error.code == "AllocationFailed"
    failed = ml_client.compute.get(name)
    assert failed.state == "CreateFailed"
    assert failed.provisioning_state == "Failed"
    assert failed.provisioning_errors == "AllocationFailed"
    ml_client.compute.begin_delete(name).result()
    ml_client.compute.begin_create_or_update(ComputeInstance(name=name, size="Standard_DS3_v2")).result()
    assert ml_client.compute.get(name).state == "Running"
    assert hits(control) == {"allocation_failed": 1}


@pytest.mark.conformance("faults: a compute that fails to allocate")
def test_an_instance_that_cannot_be_started(ml_client: MLClient, arm: Arm, control: Control) -> None:
    name = instance(ml_client)
    ml_client.compute.begin_stop(name).result()
    arm("allocation_failed", operation="compute start")
    with pytest.raises(HttpResponseError, match="could not be allocated"):
        ml_client.compute.begin_start(name).result()
    assert ml_client.compute.get(name).state == "Stopped"
    control.clear()
    ml_client.compute.begin_start(name).result()


@pytest.mark.conformance("faults: a node that is preempted")
def test_a_running_node_is_preempted(client: MLClient, submit: Submit, arm: Arm, control: Control) -> None:
    arm("preempted_node", node="long", count=1)
    job = submit({"short": node("echo done"), "long": node("sleep 600")})
    assert ended(client, str(job.name)) == "Failed"
    assert "PreemptionError: Nodes of this job got pre-empted" in failure(client, str(job.name))
    runs = children(client, str(job.name))
    assert runs["long"].status == "Failed"
    assert "Received pre-emption warning signal" in failure(client, str(runs["long"].name))
    assert hits(control) == {"preempted_node": 1}


@pytest.mark.conformance("faults: a node that is preempted")
def test_a_node_runs_for_a_while_before_it_is_preempted(client: MLClient, submit: Submit, arm: Arm) -> None:
    arm("preempted_node", seconds=3, code="ServiceError", message="The node is gone.")
    job = submit({"long": node("sleep 600")})
    name = str(job.name)
    until("the node to run", lambda: [c.status for c in children(client, name).values()] == ["Running"])
    began = time.monotonic()
    assert ended(client, name) == "Failed"
    assert time.monotonic() - began > 1
    assert "The node is gone." in failure(client, name)
    details = client.jobs._runs_operations.get_run_details(str(children(client, name)["long"].name))
    assert details.error.error.code == "ServiceError"


@pytest.mark.conformance("faults: a compute that fails to allocate")
def test_a_cluster_that_gets_no_machines(client: MLClient, submit: Submit, arm: Arm) -> None:
    cluster = f"cpu-{uuid.uuid4().hex[:8]}"
    client.compute.begin_create_or_update(AmlCompute(name=cluster, size="Standard_DS3_v2", max_instances=2)).result()
    arm("allocation_failed", compute=cluster, seconds=2, count=1)
    job = submit({"one": node("echo ran", compute=f"azureml:{cluster}")})
    name = str(job.name)
    until("the node to be queued", lambda: [c.status for c in children(client, name).values()] == ["Queued"])
    assert ended(client, name) == "Failed"
    assert "AllocationFailed: Desired number of dedicated nodes could not be allocated." in failure(client, name)
    assert ended(client, str(submit({"one": node("echo ran", compute=f"azureml:{cluster}")}).name)) == "Completed"


def test_a_node_that_waits_for_machines_can_be_canceled(client: MLClient, submit: Submit, arm: Arm) -> None:
    cluster = f"cpu-{uuid.uuid4().hex[:8]}"
    client.compute.begin_create_or_update(AmlCompute(name=cluster, size="Standard_DS3_v2", max_instances=2)).result()
    arm("allocation_failed", compute=cluster, seconds=600)
    name = str(submit({"one": node("echo ran", compute=f"azureml:{cluster}")}).name)
    until("the node to be queued", lambda: [c.status for c in children(client, name).values()] == ["Queued"])
    client.jobs.begin_cancel(name).result()
    assert ended(client, name) == "Canceled"


def test_a_node_does_not_wait_for_an_instance_that_was_never_made(client: MLClient, submit: Submit, arm: Arm) -> None:
    name = f"ci-{uuid.uuid4().hex[:8]}"
    arm("allocation_failed", operation="compute create", count=1)
    with pytest.raises(HttpResponseError):
        client.compute.begin_create_or_update(ComputeInstance(name=name, size="Standard_DS3_v2")).result()
    job = submit({"one": node("echo ran", compute=f"azureml:{name}")})
    assert ended(client, str(job.name)) == "Failed"
    assert "its state is CreateFailed" in failure(client, str(job.name))


@pytest.mark.conformance("faults: what is armed survives a kill")
def test_faults_and_what_they_hold_survive_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    known = lifecycle.up(state)
    try:
        for name, value in lifecycle.environment(known).items():
            monkeypatch.setenv(name, value)
        outlive_a_kill(known)
    finally:
        lifecycle.down(state)


def outlive_a_kill(known: Settings) -> None:
    credential = ClientSecretCredential(known.tenant_id, known.client_id, known.client_secret)
    workspace = (known.subscription_id, known.resource_group, known.workspace)
    client = MLClient(credential, *workspace, enable_telemetry=False)
    name = instance(client)
    Control(known).arm([Rule("stuck", "stuck_operation", operation="compute stop", count=1)])
    client.compute.begin_stop(name)
    pid = processes.running(known.state / "pid" / "emulator")
    assert pid
    os.kill(pid, signal.SIGKILL)
    lifecycle.up(known.state)
    assert client.compute.get(name).state == "Stopping"
    assert [(one["seen"], one["hits"], one["spent"]) for one in Control(known).listed()] == [(1, 1, True)]
    Control(known).clear()
    until("the stop to end", lambda: bool(client.compute.get(name).state == "Stopped"))
