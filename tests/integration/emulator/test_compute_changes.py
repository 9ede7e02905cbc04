"""Computes that exist: changed, scaled, counted, and what else is told of them."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute, ComputeInstance
from azure.core.exceptions import HttpResponseError, ResourceExistsError

from azureml_emulator.computes import quota
from azureml_emulator.settings import ARM_HOST
from tests.integration.conftest import Emulator
from tests.integration.emulator.conftest import code

SIZE = "Standard_DS3_v2"


@pytest.fixture
def limits(emulator: Emulator) -> Iterator[Path]:
    """The file of the quota, which is gone again afterwards."""
    file = emulator.settings.state / quota.FILE
    yield file
    file.unlink(missing_ok=True)


@pytest.fixture
def cluster(ml_client: MLClient, delete_computes: list[str]) -> str:
    name = f"cpu-{uuid.uuid4().hex[:8]}"
    made = AmlCompute(name=name, size=SIZE, min_instances=1, max_instances=3, idle_time_before_scale_down=180)
    ml_client.compute.begin_create_or_update(made).result()
    delete_computes.append(name)
    return name


@pytest.fixture
def instance(ml_client: MLClient, delete_computes: list[str]) -> str:
    name = f"ci-{uuid.uuid4().hex[:12]}"
    ml_client.compute.begin_create_or_update(ComputeInstance(name=name, size=SIZE)).result()
    delete_computes.append(name)
    return name


def used(client: MLClient, name: str) -> int:
    # The SDK leaves the attributes that it documents (current_value) empty, and sets those of the wire.
    return int(next(vars(one)["currentValue"] for one in client.compute.list_usage() if one.name["value"] == name))


def nodes(client: MLClient, name: str) -> list[str]:
    return [str(vars(node)["nodeState"]) for node in client.compute.list_nodes(name)]


@pytest.mark.conformance("compute: a cluster's bounds and idle time, changed; its nodes")
def test_a_cluster_is_scaled(ml_client: MLClient, cluster: str) -> None:
    found = ml_client.compute.get(cluster)
    assert (found.min_instances, found.max_instances, found.idle_time_before_scale_down) == (1, 3, 180)
    assert nodes(ml_client, cluster) == ["idle"]
    found.min_instances, found.max_instances = 2, 5
    poller = ml_client.compute.begin_update(found)
    with pytest.raises(ResourceExistsError, match="in flight"):
        ml_client.compute.begin_delete(cluster)
    assert poller.result().max_instances == 5
    assert nodes(ml_client, cluster) == ["idle", "idle"]


@pytest.mark.conformance("compute: a cluster scaled by PATCH, which the SDK does not send")
def test_a_cluster_is_patched(arm: httpx.Client, ml_client: MLClient, cluster: str) -> None:
    def patch(name: str, inner: object) -> httpx.Response:
        return arm.patch(f"computes/{name}", json={"properties": {"properties": inner}})

    assert code(patch(cluster, {"scaleSettings": {"minNodeCount": 9}})) == (400, "ValidationError")
    assert code(patch(cluster, {"vmSize": "Standard_D2_v2"})) == (501, "NotImplementedByEmulator")
    answer = patch(cluster, {"scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2}})
    assert answer.status_code == 200
    assert "Azure-AsyncOperation" in answer.headers
    assert code(patch(cluster, {"scaleSettings": {}})) == (409, "ComputeOperationInProgress")
    assert ml_client.compute.get(cluster).max_instances == 2
    deadline = time.monotonic() + 30
    while arm.get(answer.headers["Azure-AsyncOperation"]).json()["status"] != "Succeeded":
        assert time.monotonic() < deadline


@pytest.mark.conformance("compute: the PUT of a stopped instance leaves it stopped")
def test_a_stopped_instance_is_not_started(ml_client: MLClient, instance: str) -> None:
    ml_client.compute.begin_stop(instance).result()
    again = ComputeInstance(name=instance, size=SIZE, tags={"team": "vision"}, idle_time_before_shutdown_minutes=30)
    assert ml_client.compute.begin_create_or_update(again).result().state.value == "Stopped"
    found = ml_client.compute.get(instance)
    assert (found.state.value, found.tags, found.idle_time_before_shutdown_minutes) == (
        "Stopped",
        {"team": "vision"},
        30,
    )


@pytest.mark.conformance("compute: size and type of one that exists cannot be changed")
def test_what_cannot_change(ml_client: MLClient, instance: str) -> None:
    with pytest.raises(
        HttpResponseError, match=r"\(BadRequest\) compute .* has the VM size .*, which cannot be changed"
    ):
        ml_client.compute.begin_create_or_update(ComputeInstance(name=instance, size="Standard_D2_v2"))
    with pytest.raises(HttpResponseError, match="is of type ComputeInstance and cannot become AmlCompute"):
        ml_client.compute.begin_create_or_update(AmlCompute(name=instance, size=SIZE))
    assert ml_client.compute.get(instance).state.value == "Running"


def test_the_idle_shutdown_is_set(arm: httpx.Client, ml_client: MLClient, instance: str, cluster: str) -> None:
    def set_idle(name: str, duration: object) -> httpx.Response:
        body = {"idleTimeBeforeShutdown": duration}
        return arm.post(f"computes/{name}/updateIdleShutdownSetting", json=body)

    assert set_idle(instance, "PT45M").status_code == 200
    assert ml_client.compute.get(instance).idle_time_before_shutdown_minutes == 45
    assert code(set_idle(instance, "PT1M")) == (400, "ValidationError")
    assert code(set_idle(instance, None)) == (400, "ValidationError")
    assert code(set_idle(cluster, "PT45M")) == (400, "BadRequest")


def test_the_last_operation_is_told(ml_client: MLClient, instance: str) -> None:
    ml_client.compute.begin_stop(instance).result()
    last = ml_client.compute.get(instance).last_operation
    assert (last["operationName"], last["operationStatus"]) == ("Stop", "Succeeded")


@pytest.mark.conformance("compute: list by type")
def test_they_are_listed_by_type(ml_client: MLClient, instance: str, cluster: str) -> None:
    assert cluster in {one.name for one in ml_client.compute.list(compute_type="amlcompute")}
    assert instance not in {one.name for one in ml_client.compute.list(compute_type="amlcompute")}
    assert instance in {one.name for one in ml_client.compute.list(compute_type="computeinstance")}


@pytest.mark.conformance("compute: sizes of a region")
def test_sizes(ml_client: MLClient, arm: httpx.Client, emulator: Emulator) -> None:
    sizes = {size.name: vars(size) for size in ml_client.compute.list_sizes()}
    assert (sizes[SIZE]["vCPUs"], sizes[SIZE]["memoryGB"], sizes["Standard_NC6s_v3"]["gpus"]) == (4, 14, 1)
    assert len(ml_client.compute.list_sizes(compute_type="AmlCompute")) == len(sizes)
    base = f"https://{ARM_HOST}/subscriptions/{emulator.settings.subscription_id}/providers"
    answer = arm.get(f"{base}/Microsoft.MachineLearningServices/locations/atlantis/vmSizes")
    assert code(answer) == (400, "LocationNotAvailableForResourceType")


@pytest.mark.conformance("compute: what is in use of the quota")
def test_usage(ml_client: MLClient, cluster: str, instance: str) -> None:
    total, family = "Total Cluster Dedicated Regional vCPUs", "Standard DSv2 Family Cluster Dedicated vCPUs"
    before = [used(ml_client, one) for one in (total, family, "Total Clusters")]
    found = ml_client.compute.get(cluster)
    found.min_instances = 0
    ml_client.compute.begin_update(found).result()
    assert [used(ml_client, one) for one in (total, family)] == [number - 4 for number in before[:2]]
    assert used(ml_client, "Total Clusters") == before[2]


@pytest.mark.conformance("compute: quota of cores, by family and in all")
@pytest.mark.parametrize("text", ["dedicated_cores: 3", "families: {StandardDSv2Family: 3}"])
def test_cores(ml_client: MLClient, limits: Path, text: str) -> None:
    limits.write_text(text)
    said = r"\(BadRequest\) The specified subscription has a .* vCPU quota of 3, .* maps to 4 vCPUs"
    for compute in (ComputeInstance(name="too-big", size=SIZE), AmlCompute(name="too-big", size=SIZE)):
        with pytest.raises(HttpResponseError, match=said):
            ml_client.compute.begin_create_or_update(compute)


def test_low_priority_cores_are_others(ml_client: MLClient, limits: Path, delete_computes: list[str]) -> None:
    limits.write_text("dedicated_cores: 0\nlow_priority_cores: 4")
    for nodes, told in ((2, "maps to 8 vCPUs"), (1, None)):
        cheap = AmlCompute(name="cheap", size=SIZE, tier="low_priority", min_instances=nodes, max_instances=2)
        if told:
            with pytest.raises(HttpResponseError, match=told):
                ml_client.compute.begin_create_or_update(cheap)
        else:
            ml_client.compute.begin_create_or_update(cheap).result()
    delete_computes.append("cheap")


@pytest.mark.conformance("compute: quota of computes")
def test_computes(ml_client: MLClient, limits: Path, instance: str) -> None:
    limits.write_text("computes: 1")
    with pytest.raises(HttpResponseError, match=r"exceeding quota limits of Total Clusters\. Maximum allowed: 1"):
        ml_client.compute.begin_create_or_update(AmlCompute(name="one-more", size=SIZE))
    same = ComputeInstance(name=instance, size=SIZE)
    assert ml_client.compute.begin_create_or_update(same).result().state.value == "Running"


def test_released_quota_has_to_be_there_again(
    ml_client: MLClient, limits: Path, delete_computes: list[str], instance: str
) -> None:
    name = f"ci-{uuid.uuid4().hex[:12]}"
    delete_computes.append(name)
    released = ComputeInstance(name=name, size=SIZE, release_quota_on_stop=True)
    ml_client.compute.begin_create_or_update(released).result()
    before = used(ml_client, "Total Cluster Dedicated Regional vCPUs")
    ml_client.compute.begin_stop(name).result()
    assert used(ml_client, "Total Cluster Dedicated Regional vCPUs") == before - 4
    limits.write_text(f"dedicated_cores: {before - 1}")
    with pytest.raises(HttpResponseError, match="vCPU quota"):
        ml_client.compute.begin_start(name)


@pytest.mark.parametrize(
    "text", ["cores: 3", "- 1", "computes: -1", "families: {a: many}", "computes: {", "families: 3"]
)
def test_a_file_that_is_none(arm: httpx.Client, emulator: Emulator, limits: Path, text: str) -> None:
    limits.write_text(text)
    base = f"https://{ARM_HOST}/subscriptions/{emulator.settings.subscription_id}/providers"
    answer = arm.get(f"{base}/Microsoft.MachineLearningServices/locations/westeurope/usages")
    assert answer.status_code == 500
    assert answer.json()["error"]["message"].startswith("the emulator's limits.yaml cannot be used: ")
