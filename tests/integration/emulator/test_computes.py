import uuid

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute, ComputeInstance
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError


@pytest.fixture
def instance(ml_client: MLClient) -> str:
    name = f"ci-{uuid.uuid4().hex[:12]}"
    ml_client.compute.begin_create_or_update(ComputeInstance(name=name, size="STANDARD_DS3_v2")).result()
    return name


def state(ml_client: MLClient, name: str) -> str:
    return str(ml_client.compute.get(name).state.value)


def test_an_instance_is_created_running(ml_client: MLClient, instance: str) -> None:
    assert state(ml_client, instance) == "Running"
    assert instance in [compute.name for compute in ml_client.compute.list()]


def test_creation_is_an_operation_that_can_be_watched(ml_client: MLClient) -> None:
    name = f"ci-{uuid.uuid4().hex[:12]}"
    poller = ml_client.compute.begin_create_or_update(ComputeInstance(name=name, size="STANDARD_DS3_v2"))
    assert state(ml_client, name) == "Creating"
    poller.result()
    assert state(ml_client, name) == "Running"


def test_stop_and_start(ml_client: MLClient, instance: str) -> None:
    ml_client.compute.begin_stop(instance).result()
    assert state(ml_client, instance) == "Stopped"
    ml_client.compute.begin_start(instance).result()
    assert state(ml_client, instance) == "Running"


def test_restart(ml_client: MLClient, instance: str) -> None:
    poller = ml_client.compute.begin_restart(instance)
    assert state(ml_client, instance) == "Restarting"
    poller.result()
    assert state(ml_client, instance) == "Running"


@pytest.mark.parametrize("action", ["begin_start", "begin_stop", "begin_restart", "begin_delete", "get"])
def test_an_unknown_compute_is_not_found(ml_client: MLClient, action: str) -> None:
    with pytest.raises(ResourceNotFoundError, match="Compute nobody was not found"):
        getattr(ml_client.compute, action)("nobody")


def test_a_stopped_instance_cannot_be_stopped(ml_client: MLClient, instance: str) -> None:
    ml_client.compute.begin_stop(instance).result()
    with pytest.raises(ResourceExistsError, match="StopComputeInstanceOnlyAllowedInRunningState"):
        ml_client.compute.begin_stop(instance)


def test_a_running_instance_cannot_be_started(ml_client: MLClient, instance: str) -> None:
    with pytest.raises(ResourceExistsError, match="StartComputeInstanceOnlyAllowedInStoppedState"):
        ml_client.compute.begin_start(instance).result()


def test_two_operations_at_once_collide(ml_client: MLClient, instance: str) -> None:
    poller = ml_client.compute.begin_stop(instance)
    with pytest.raises(ResourceExistsError, match="in flight"):
        ml_client.compute.begin_start(instance)
    poller.result()


def test_a_deleted_instance_is_gone(ml_client: MLClient, instance: str) -> None:
    ml_client.compute.begin_delete(instance).result()
    with pytest.raises(ResourceNotFoundError, match=f"Compute {instance} was not found"):
        ml_client.compute.get(instance)


def test_a_cluster_scales_between_its_bounds(ml_client: MLClient) -> None:
    name = f"cpu-{uuid.uuid4().hex[:8]}"
    cluster = AmlCompute(name=name, size="STANDARD_DS3_v2", min_instances=0, max_instances=3)
    ml_client.compute.begin_create_or_update(cluster).result()
    found = ml_client.compute.get(name)
    assert (found.type, found.min_instances, found.max_instances) == ("amlcompute", 0, 3)
    assert found.provisioning_state.value == "Succeeded"


@pytest.mark.parametrize("name", ["a", "1st", "with_underscore", "x" * 25])
def test_a_bad_name_is_refused(ml_client: MLClient, name: str) -> None:
    with pytest.raises(HttpResponseError, match="not a compute name"):
        ml_client.compute.begin_create_or_update(ComputeInstance(name=name, size="STANDARD_DS3_v2"))
