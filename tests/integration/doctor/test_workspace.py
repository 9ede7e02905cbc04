"""The doctor's checks of the workspace, its datastore and computes, each made to fail."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute, ComputeInstance
from azure.core.exceptions import HttpResponseError

from mlops_actions import cli, network
from tests.integration.conftest import Emulator

from .conftest import Arm, Examine

SetText = Callable[[str], None]


@pytest.mark.parametrize(
    ("variable", "check", "fix"),
    [
        ("AZURE_SUBSCRIPTION_ID", "subscription", "az account list"),
        ("AZURE_RESOURCE_GROUP", "resource-group", "az group list"),
        ("AZURE_ML_WORKSPACE", "workspace", "az ml workspace list"),
    ],
)
def test_a_place_that_is_not_there(
    examine: Examine, monkeypatch: pytest.MonkeyPatch, variable: str, check: str, fix: str
) -> None:
    monkeypatch.setenv(variable, "nowhere")
    found = examine("workspace", "datastore")
    told, mend = found.only(check, "wrong")
    assert "nowhere" in told
    assert fix in mend
    assert {found.checks[name]["found"] for name in found.by_status("skipped")} == {f"{check} is wrong"}


def test_a_place_that_is_not_named(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_ML_WORKSPACE")
    told, fix = examine("workspace").only("subscription", "wrong")
    assert told == "workspace is not given: set this input, or the environment variable AZURE_ML_WORKSPACE"
    assert ".env" in fix


READER = "actions: ['Microsoft.MachineLearningServices/workspaces/*/read', '*/workspaces/read']"
SCIENTIST = (
    "actions: ['*/read', '*/workspaces/*']\nnotActions: ['*/workspaces/computes/*/write', '*/computes/*/delete']"
)


def test_a_reader(examine: Examine, role: SetText, emulator: Emulator) -> None:
    role(READER)
    found = examine("workspace", "datastore")
    assert found.by_status("wrong") == {"permissions", "upload"}
    told = found.checks["permissions"]
    assert "run-aml-pipeline lacks jobs/write, jobs/cancel/action" in told["found"]
    assert f'--assignee {emulator.settings.client_id} --role "AzureML Data Scientist" --scope /subscr' in told["fix"]
    assert "datastores/listsecrets/action" in found.checks["upload"]["found"]


def test_a_scientist_creates_no_compute(examine: Examine, role: SetText) -> None:
    role(SCIENTIST)
    told, fix = examine("workspace").only("permissions", "warning")
    assert told.startswith("all but computes/write, computes/delete")
    assert '"AzureML Compute Operator"' in fix


def test_nobody(examine: Examine, role: SetText) -> None:
    role("actions: []")
    told, fix = examine("workspace").only("workspace", "wrong")
    assert "no permission to read" in told
    assert "az role assignment create" in fix


def test_a_storage_that_is_not_reached(examine: Examine, arm: Arm) -> None:
    network.transport.cache_clear()  # whose connections would be those of the tests before
    arm("refuse", tunnel="*.blob.core.windows.net")
    found = examine("datastore", timeout_seconds=20)
    assert "Networking" in found.only("upload", "wrong")[1]
    assert "sig=" not in found.said


def test_what_does_not_answer_in_time_keeps_nothing_else_from_being_seen(examine: Examine, arm: Arm) -> None:
    arm("slow", route="GET providers/Microsoft.Authorization/permissions", seconds=8)
    began = time.monotonic()
    found = examine("workspace", "datastore", timeout_seconds=4)
    told, fix = found.only("permissions", "wrong")
    assert told == "no answer within 4 s"
    assert "proxy" in fix
    assert found.checks["upload"]["status"] == "ok"
    assert time.monotonic() - began < 30


@pytest.fixture
def machine(ml_client: MLClient) -> Iterator[str]:
    name = f"doctor-{uuid.uuid4().hex[:8]}"
    ml_client.compute.begin_create_or_update(ComputeInstance(name=name, size="Standard_DS3_v2")).result()
    yield name
    ml_client.compute.begin_delete(name).result()


def test_a_compute_that_runs_and_one_that_is_stopped(examine: Examine, machine: str, ml_client: MLClient) -> None:
    found = examine("compute", compute=machine)
    assert found.status == 0
    assert found.checks["compute"]["found"] == f"{machine} is Running"
    assert "Standard_DS3_v2 has its part" in found.checks["quota"]["found"]

    ml_client.compute.begin_stop(machine).result()
    stopped = examine("compute", compute=machine)
    assert stopped.status == 0  # train.yml starts it
    told, fix = stopped.only("compute", "warning")
    assert told.startswith(f"{machine} is Stopped: train.yml starts it")
    assert fix == f"mlops ensure-compute --name={machine} --state=running"


def test_a_compute_that_is_missing_or_not_named(examine: Examine, tmp_path: Path) -> None:
    told, fix = examine("compute", compute="nothing-there").only("compute", "wrong")
    assert told == "nothing-there does not exist"
    assert "az ml compute list" in fix

    assert "no compute is named" in examine("compute").only("compute", "wrong")[0]
    assert examine("workspace").status == 0  # where it is not asked for

    file = tmp_path / "compute.yaml"
    file.write_text("name: nothing-there\ntype: computeinstance\nsize: Standard_DS3_v2\n")
    found = examine("compute", compute_file=file)
    assert found.status == 0
    assert "creates it from" in found.checks["compute"]["found"]


def test_a_compute_beyond_repair(examine: Examine, arm: Arm, ml_client: MLClient) -> None:
    name = f"doctor-{uuid.uuid4().hex[:8]}"
    arm("allocation_failed", operation="compute create", count=1)
    poller = ml_client.compute.begin_create_or_update(ComputeInstance(name=name, size="Standard_DS3_v2"))
    with pytest.raises(HttpResponseError, match="AllocationFailed"):
        poller.result(30)
    try:
        told, fix = examine("compute", compute=name).only("compute", "wrong")
        assert f"{name} is " in told
        assert "from which it does not come back" in told
        assert "--recreate" in fix
    finally:
        ml_client.compute.begin_delete(name).result()


def test_a_quota_that_is_used_up(examine: Examine, limits: SetText, tmp_path: Path, ml_client: MLClient) -> None:
    limits("dedicated_cores: 3")
    file = tmp_path / "compute.yaml"
    file.write_text("name: doctors-own\ntype: computeinstance\nsize: Standard_DS3_v2\n")
    told, fix = examine("compute", compute_file=file).only("quota", "wrong")
    assert told.startswith("no room for 4 vCPUs of Standard_DS3_v2 (Total Cluster Dedicated Regional vCPUs: ")
    assert "portal > Quotas" in fix

    file.write_text("name: doctors-own\ntype: computeinstance\nsize: Standard_Nonsense\n")
    told, fix = examine("compute", compute_file=file).only("quota", "wrong")
    assert "has no VM size Standard_Nonsense" in told
    assert "az ml compute list-sizes" in fix


def test_a_cluster_counts_by_its_priority(examine: Examine, limits: SetText, ml_client: MLClient) -> None:
    name = f"doctor-{uuid.uuid4().hex[:8]}"
    cluster = AmlCompute(name=name, size="Standard_DS3_v2", max_instances=1, tier="low_priority")
    ml_client.compute.begin_create_or_update(cluster).result()
    try:
        limits("low_priority_cores: 3")
        told, _ = examine("compute", compute=name).only("quota", "wrong")
        assert "Low Priority" in told
        limits("dedicated_cores: 0")
        assert examine("compute", compute=name).status == 0
    finally:
        ml_client.compute.begin_delete(name).result()


def test_what_is_shown_in_a_log(
    examine: Examine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AZURE_ML_WORKSPACE", "nowhere")
    assert cli.run(["doctor", "--only=workspace"]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("ok       credentials: ")
    (wrong,) = [line for line in lines if line.startswith("wrong    workspace: workspace nowhere does not exist")]
    assert " -- to mend it: az ml workspace list" in wrong
    assert lines[-1] == "6 checks: 4 ok, 0 to note, 1 wrong, 1 skipped"

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert cli.run(["doctor", "--only=workspace"]) == 1
    said = capfd.readouterr().out
    assert "\n::error::workspace: workspace nowhere does not exist" in said
    assert "Traceback" not in said


def test_areas_and_deadlines_that_make_no_sense(examine: Examine, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--only=everything"]) == 1
    assert "there is no 'everything' to look at, but tools, credentials" in capfd.readouterr().err
    assert cli.run(["doctor", "--timeout-seconds=0"]) == 1
    assert "timeout-seconds must be more than 0" in capfd.readouterr().err
