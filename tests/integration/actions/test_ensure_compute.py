"""ensure-compute against the emulator: every state it can be asked for, from every state it can find."""

from __future__ import annotations

import re
import threading
import uuid
from contextlib import suppress

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from .conftest import COMPUTE_YAML, Action, WriteYaml


@pytest.fixture
def name() -> str:
    return f"machine-{uuid.uuid4().hex[:8]}"


def test_an_instance_through_its_life(action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str) -> None:
    file = write_yaml("compute.yaml", {**COMPUTE_YAML, "name": name})
    created = action("ensure-compute", file=file)
    nothing = {"differences": "[]", "jobs": "[]"}
    assert created.outputs == {"name": name, "state": "running", "changed": "true", **nothing}
    assert ml_client.compute.get(name).state == "Running"
    assert f"| {name} | Missing | running | done | create | " in created.summary
    assert re.search(
        r"On the way: Missing \([\d.]+ s\) → (Creating \([\d.]+ s\) → )?Running \([\d.]+ s\)\n", created.summary
    )
    assert f"[in Studio](https://ml.azure.com/compute/{name}/details?wsid=/subscriptions/" in created.summary

    again = action("ensure-compute", file=file)
    assert again.outputs["changed"] == "false"
    assert f"| {name} | Running | running | nothing had to be done | none | " in again.summary
    assert "On the way" not in again.summary

    for state, found in (("stopped", "Stopped"), ("running", "Running"), ("stopped", "Stopped")):
        assert action("ensure-compute", name=name, state=state).outputs["changed"] == "true"
        assert ml_client.compute.get(name).state == found
        assert action("ensure-compute", name=name, state=state).outputs["changed"] == "false"

    assert action("ensure-compute", name=name, state="deleted").outputs["changed"] == "true"
    with pytest.raises(ResourceNotFoundError):
        ml_client.compute.get(name)
    assert action("ensure-compute", name=name, state="deleted").outputs["changed"] == "false"


def test_the_name_goes_before_that_in_the_file(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str
) -> None:
    file = write_yaml("compute.yaml", {**COMPUTE_YAML, "name": "not-this-one"})
    assert action("ensure-compute", file=file, name=name).outputs["name"] == name
    assert ml_client.compute.get(name).size.lower() == COMPUTE_YAML["size"].lower()


def test_a_cluster_runs_once_it_is_there(action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str) -> None:
    cluster = {"name": name, "type": "amlcompute", "size": "Standard_DS3_v2", "min_instances": 0, "max_instances": 2}
    file = write_yaml("cluster.yaml", cluster)
    assert action("ensure-compute", file=file).outputs["changed"] == "true"
    assert ml_client.compute.get(name).provisioning_state == "Succeeded"
    # It has no nodes when it has no work: that is all the stopping there is.
    assert action("ensure-compute", file=file, state="stopped").outputs["changed"] == "false"
    assert action("ensure-compute", file=file, state="deleted").outputs["changed"] == "true"


def test_a_cluster_that_keeps_nodes_cannot_be_stopped(action: Action, write_yaml: WriteYaml, name: str) -> None:
    cluster = {"name": name, "type": "amlcompute", "size": "Standard_DS3_v2", "min_instances": 1, "max_instances": 2}
    file = write_yaml("cluster.yaml", cluster)
    assert action("ensure-compute", file=file).status == 0
    ran = action("ensure-compute", file=file, state="stopped")
    assert f"cluster {name} keeps 1 nodes running: set min_instances: 0" in ran.error


@pytest.mark.fault("compute: it is on its way to another state", "that is waited for")
def test_a_compute_in_transition_is_waited_for(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str
) -> None:
    """Starting what is stopping at that moment is a 409 of Azure's."""
    file = write_yaml("compute.yaml", {**COMPUTE_YAML, "name": name})
    assert action("ensure-compute", file=file).status == 0
    ml_client.compute.begin_stop(name)
    ran = action("ensure-compute", name=name)
    assert ran.outputs["changed"] == "true"
    assert "Stopping" in ran.log
    assert ml_client.compute.get(name).state == "Running"


@pytest.mark.fault("compute: two workflows create the same at once", "both end with the one compute")
def test_two_that_ask_for_the_same_at_once(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str
) -> None:
    file = write_yaml("compute.yaml", {**COMPUTE_YAML, "name": name})
    assert action("ensure-compute", file=file).status == 0

    def stop() -> None:
        with suppress(ResourceExistsError):  # it came second
            ml_client.compute.begin_stop(name).wait()

    other = threading.Thread(target=stop)
    other.start()
    assert action("ensure-compute", name=name, state="stopped").status == 0
    other.join()
    assert ml_client.compute.get(name).state == "Stopped"


def test_time_that_is_up(action: Action, write_yaml: WriteYaml, name: str) -> None:
    file = write_yaml("compute.yaml", {**COMPUTE_YAML, "name": name})
    ran = action("ensure-compute", file=file, timeout_minutes="0.001")
    assert f"compute {name} is Missing and not running after 0.001 minutes" in ran.error


@pytest.mark.parametrize(("given", "expected"), [("0", "must be more than 0"), ("-1", "must be more than 0")])
def test_no_time_at_all(action: Action, given: str, expected: str) -> None:
    assert expected in action("ensure-compute", name="x", timeout_minutes=given).error


def test_a_file_that_does_not_exist(action: Action) -> None:
    ran = action("ensure-compute", file="nowhere/compute.yaml")
    assert ran.error == "::error::there is no file nowhere/compute.yaml (the compute definition)"


def test_a_file_that_is_not_yaml(action: Action, write_yaml: WriteYaml) -> None:
    file = write_yaml("compute.yaml", "name: x\ntype: [\n")
    ran = action("ensure-compute", file=file)
    assert ran.error.startswith(f"::error file={file},line=3,col=1::{file} is not valid YAML")


def test_a_file_of_something_else(action: Action, write_yaml: WriteYaml, name: str) -> None:
    file = write_yaml("compute.yaml", {"name": name, "type": "blue", "size": "Standard_DS3_v2"})
    ran = action("ensure-compute", file=file)
    assert ran.error.startswith(f"::error file={file}::{file} is not a compute definition: ")


def test_a_name_that_azure_does_not_take(action: Action, write_yaml: WriteYaml) -> None:
    file = write_yaml("compute.yaml", COMPUTE_YAML)
    ran = action("ensure-compute", file=file, name="no_such_name_please")
    assert "compute no_such_name_please" in ran.error
    assert "is not a compute name" in ran.error


def test_a_compute_that_does_not_exist(action: Action) -> None:
    ran = action("ensure-compute", name="unknown-machine")
    assert "compute unknown-machine does not exist in workspace" in ran.error
    assert "give its YAML as file to create it" in ran.error


def test_a_state_that_there_is_not(action: Action) -> None:
    ran = action("ensure-compute", name="x", state="sleeping")
    assert ran.status == 2
    (line,) = ran.errors
    assert '"sleeping"' in line
    assert "running" in line
    assert "stopped" in line
    assert "deleted" in line


def test_neither_file_nor_name(action: Action) -> None:
    assert "neither file nor name is given" in action("ensure-compute").error
