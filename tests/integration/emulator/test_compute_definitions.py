"""What a compute may be: refused as Azure refuses it, before anything is made."""

from typing import Any

import httpx
import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    AmlCompute,
    AmlComputeSshSettings,
    ComputeInstance,
    ComputeInstanceSshSettings,
    ComputeSchedules,
    ComputeStartStopSchedule,
    CronTrigger,
    IdentityConfiguration,
    KubernetesCompute,
    VirtualMachineCompute,
    VirtualMachineSshSettings,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.integration.emulator.conftest import code

SIZE = "Standard_DS3_v2"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSvbBGWtpbNtNyQkhKdZ6Ad2M7SnXzYw6nz6T3nIX somebody"


def refused(client: MLClient, compute: Any) -> str:
    with pytest.raises(HttpResponseError) as raised:
        client.compute.begin_create_or_update(compute)
    with pytest.raises(ResourceNotFoundError):
        client.compute.get(compute.name)
    return str(raised.value)


@pytest.mark.conformance("compute: bounds of a cluster that cannot be are refused")
@pytest.mark.parametrize(("low", "high"), [(-2, 4), (3, 2), (0, -1), (True, 2)])
def test_bounds(ml_client: MLClient, low: int, high: int) -> None:
    compute = AmlCompute(name="bounds", size=SIZE, min_instances=low, max_instances=high)
    assert refused(ml_client, compute).startswith(
        "(ValidationError) compute bounds: scaleSettings.minNodeCount is "
    ) or (high < 0)


@pytest.mark.conformance("compute: an unknown VM size is refused")
@pytest.mark.parametrize("kind", [AmlCompute, ComputeInstance])
def test_an_unknown_size(ml_client: MLClient, kind: type) -> None:
    said = refused(ml_client, kind(name="sized", size="Standard_DS33_v2"))
    assert said.startswith("(BadRequest) compute sized: the VM size Standard_DS33_v2 is not supported in region")


@pytest.mark.conformance("compute: one without a size is refused")
@pytest.mark.parametrize("kind", ["AmlCompute", "ComputeInstance"])
def test_no_size(arm: httpx.Client, kind: str) -> None:
    body = {"properties": {"computeType": kind, "properties": {"scaleSettings": {"maxNodeCount": 1}}}}
    answer = arm.put("computes/sizeless", json=body)
    assert code(answer) == (400, "ValidationError")
    assert answer.json()["error"]["message"] == "compute sizeless has no vmSize"


@pytest.mark.parametrize(
    "inner",
    [
        [],
        {"vmSize": 3},
        {"vmSize": SIZE, "scaleSettings": 3},
        {"vmSize": SIZE, "scaleSettings": {"minNodeCount": "0", "maxNodeCount": "1"}},
        {"vmSize": SIZE, "scaleSettings": {"maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "120"}},
        {"vmSize": SIZE, "scaleSettings": {"maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "P"}},
        {"vmSize": SIZE, "scaleSettings": {"maxNodeCount": 1}, "vmPriority": "Spot"},
        {"vmSize": SIZE, "scaleSettings": {"maxNodeCount": 1}, "userAccountCredentials": {"adminUserName": "a b"}},
    ],
)
def test_malformed(arm: httpx.Client, inner: object) -> None:
    body = {"properties": {"computeType": "AmlCompute", "properties": inner}}
    assert code(arm.put("computes/malformed", json=body)) == (400, "ValidationError")


@pytest.mark.parametrize(
    "identity",
    [{"type": ["x"]}, {"type": "Own"}, {"userAssignedIdentities": {}, "tenantId": "t"},
     {"type": "UserAssigned", "userAssignedIdentities": {"/a": 1}}],
)  # fmt: skip
def test_an_identity_that_is_none(arm: httpx.Client, ml_client: MLClient, identity: dict[str, object]) -> None:
    inner = {"vmSize": SIZE, "scaleSettings": {"maxNodeCount": 1}}
    body = {"identity": identity, "properties": {"computeType": "AmlCompute", "properties": inner}}
    assert arm.put("computes/nobodys", json=body).status_code == 400
    assert "nobodys" not in [compute.name for compute in ml_client.compute.list()]


@pytest.mark.parametrize("kind", ["system_assigned", "SystemAssigned"])
def test_a_system_assigned_identity(ml_client: MLClient, delete_computes: list[str], kind: str) -> None:
    cluster = AmlCompute(name="identified", size=SIZE, identity=IdentityConfiguration(type=kind))
    delete_computes.append(cluster.name)
    ml_client.compute.begin_create_or_update(cluster).wait()
    assert ml_client.compute.get("identified").identity.type == "system_assigned"


@pytest.mark.conformance("compute: SSH settings, by key or password")
def test_ssh(ml_client: MLClient, arm: httpx.Client, delete_computes: list[str]) -> None:
    instance = ComputeInstance(
        name="with-ssh",
        size=SIZE,
        ssh_public_access_enabled=True,
        ssh_settings=ComputeInstanceSshSettings(ssh_key_value=KEY),
    )
    ml_client.compute.begin_create_or_update(instance).result()
    found = ml_client.compute.get("with-ssh")
    assert (found.ssh_public_access_enabled, found.ssh_settings.ssh_key_value) == (True, KEY)
    account = AmlComputeSshSettings(admin_username="me", admin_password="Secret-123")
    cluster = AmlCompute(name="with-login", size=SIZE, min_instances=0, max_instances=1, ssh_settings=account)
    ml_client.compute.begin_create_or_update(cluster).result()
    delete_computes += ["with-ssh", "with-login"]
    assert ml_client.compute.get("with-login").ssh_settings.admin_username == "me"
    assert "Secret-123" not in arm.get("computes").text


@pytest.mark.parametrize(
    "key", [None, "ssh-rsa", "ssh-rsa AAAA", "ssh-rsa ü", "a key", KEY.replace("ed25519", "rsa", 1)]
)
def test_a_key_that_is_none(ml_client: MLClient, key: str | None) -> None:
    settings = ComputeInstanceSshSettings(ssh_key_value=key)
    compute = ComputeInstance(name="keyless", size=SIZE, ssh_public_access_enabled=True, ssh_settings=settings)
    assert refused(ml_client, compute).startswith("(ValidationError) compute keyless: ")


@pytest.mark.parametrize("minutes", [14, 3 * 24 * 60 + 1])
def test_idle_shutdown_has_bounds(ml_client: MLClient, minutes: int) -> None:
    compute = ComputeInstance(name="idle", size=SIZE, idle_time_before_shutdown_minutes=minutes)
    assert "it may be PT15M to P3D" in refused(ml_client, compute)


@pytest.mark.conformance("not implemented: attaching and detaching, schedules of a compute")
def test_what_is_not_implemented(ml_client: MLClient, arm: httpx.Client) -> None:
    machine = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m"
    login = VirtualMachineSshSettings(admin_username="me", admin_password="Secret-123")
    attached = VirtualMachineCompute(name="attached", resource_id=machine, ssh_settings=login)
    assert "a compute of type VirtualMachine (attached) is not implemented" in refused(ml_client, attached)
    kubernetes = KubernetesCompute(name="attached", resource_id=machine)
    assert "a compute of type Kubernetes (attached) is not implemented" in refused(ml_client, kubernetes)
    start = ComputeStartStopSchedule(action="start", trigger=CronTrigger(expression="0 9 * * *"))
    timed = ComputeInstance(name="timed", size=SIZE, schedules=ComputeSchedules(compute_start_stop=[start]))
    assert "schedules of a compute (compute timed) is not implemented" in refused(ml_client, timed)
    with pytest.raises(HttpResponseError, match="detaching a compute is not implemented"):
        ml_client.compute.begin_delete("anything", action="Detach")
    answer = arm.post("computes/anything/enableSso", json={"enableSSO": True})
    assert answer.json()["error"]["message"] == "Compute_EnableSso is not implemented by this emulator"
