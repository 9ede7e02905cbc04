"""ensure-compute against an emulator in which operations get stuck, machines fail, YAMLs change and jobs run on."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, load_job

from azureml_emulator.faults import validation
from azureml_emulator.faults.client import Control
from tests.integration.conftest import Emulator

from .conftest import COMPUTE_YAML, ENVIRONMENT_YAML, Action, WriteYaml, node, pipeline

Arm = Callable[..., None]


@pytest.fixture
def control(emulator: Emulator) -> Iterator[Control]:
    control = Control(emulator.settings)
    control.clear()
    yield control
    control.clear()


@pytest.fixture
def arm(control: Control) -> Arm:
    def arm(fault: str, **given: object) -> None:
        control.arm([validation.read({"fault": fault, **given}, name=fault)])

    return arm


@pytest.fixture
def name() -> str:
    return f"machine-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def instance(write_yaml: WriteYaml, name: str) -> Path:
    return write_yaml("compute.yaml", {**COMPUTE_YAML, "name": name})


def cluster(name: str, **fields: object) -> dict[str, object]:
    return {"name": name, "type": "amlcompute", "size": "Standard_DS3_v2", "min_instances": 0, **fields}


@pytest.mark.fault("compute: another operation is in flight (409)", "it is waited for, then the step does its own")
@pytest.mark.parametrize(
    ("stuck", "state", "wanted", "seen"),
    [
        ("start", "running", "stopped", "Starting"),
        ("stop", "stopped", "running", "Stopping"),
        ("delete", "deleted", "running", "Deleting"),
    ],
)
def test_an_operation_in_flight_is_waited_for(
    action: Action,
    instance: Path,
    ml_client: MLClient,
    name: str,
    arm: Arm,
    *,
    stuck: str,
    state: str,
    wanted: str,
    seen: str,
) -> None:
    """An operation in such a state is a 409 of Azure's."""
    assert action("ensure-compute", file=instance).status == 0
    if stuck == "start":
        assert action("ensure-compute", name=name, state="stopped").status == 0
    arm("stuck_operation", operation=f"compute {stuck}", resource=name, seconds=1.5)
    getattr(ml_client.compute, f"begin_{stuck}")(name)
    ran = action("ensure-compute", file=instance, state=wanted)
    assert ran.status == 0, ran.log
    assert f"compute {name}: {seen}" in ran.log
    assert ran.outputs["changed"] == "true"
    assert ml_client.compute.get(name).state == wanted.title()


@pytest.mark.fault(
    "compute: an operation never ends", "after `timeout-minutes` the step fails, and names the state that it last saw"
)
def test_an_operation_that_never_ends(action: Action, instance: Path, name: str, arm: Arm) -> None:
    arm("stuck_operation", operation="compute create", resource=name)
    ran = action("ensure-compute", file=instance, timeout_minutes="0.03")
    assert f"compute {name} is Creating and not running after 0.03 minutes" in ran.error


@pytest.mark.fault(
    "compute: another operation is in flight, and the state does not tell (409)",
    "the refused operation is asked for again",
)
def test_a_change_in_flight_of_which_the_state_tells_nothing(
    action: Action, instance: Path, ml_client: MLClient, name: str, arm: Arm
) -> None:
    """The instance is Running, and to stop it is a 409: it is asked again."""
    assert action("ensure-compute", file=instance).status == 0
    arm("stuck_operation", operation="compute update", resource=name, seconds=1.5)
    ml_client.compute.begin_create_or_update(ml_client.compute.get(name))
    assert action("ensure-compute", name=name, state="stopped").status == 0
    assert ml_client.compute.get(name).state == "Stopped"


@pytest.mark.fault(
    "compute: it could not be created (CreateFailed)",
    "an error with Azure's reason; with `recreate: true` it is deleted and created anew",
)
def test_what_is_beyond_repair_is_recreated_when_allowed(
    action: Action, instance: Path, ml_client: MLClient, name: str, arm: Arm
) -> None:
    arm("allocation_failed", compute=name, count=1)
    ran = action("ensure-compute", file=instance)
    assert f"compute {name} is CreateFailed, from which it cannot become running (" in ran.error
    assert "could not be allocated" in ran.error
    assert "or set recreate: true" in ran.error
    # Nothing to stop, but a machine may be left of it: that is said.
    assert "from which it cannot become stopped" in action("ensure-compute", file=instance, state="stopped").error

    recreated = action("ensure-compute", file=instance, recreate="true")
    assert recreated.outputs["changed"] == "true"
    assert ml_client.compute.get(name).state == "Running"


@pytest.mark.fault(
    "compute: it cannot be created, again and again", "it is recreated once, then the step fails with Azure's reason"
)
def test_what_fails_again_is_not_recreated_for_ever(action: Action, instance: Path, name: str, arm: Arm) -> None:
    arm("allocation_failed", compute=name)
    ran = action("ensure-compute", file=instance, recreate="true")
    assert "is CreateFailed" in ran.error
    assert "so it came out of being created" in ran.error


@pytest.mark.fault("compute: a start gets no machine (AllocationFailed)", "it is started again until the time is up")
def test_a_start_that_got_no_machine_is_tried_again(
    action: Action, instance: Path, ml_client: MLClient, name: str, arm: Arm, *, control: Control
) -> None:
    assert action("ensure-compute", file=instance).status == 0
    assert action("ensure-compute", file=instance, state="stopped").status == 0
    arm("allocation_failed", compute=name, operation="compute start", count=1)
    ran = action("ensure-compute", file=instance)
    assert ran.status == 0, ran.log
    assert "could not be allocated" in ran.log
    assert ml_client.compute.get(name).state == "Running"
    assert control.listed()[0]["hits"] == 1


@pytest.mark.fault("compute: no start gets a machine", "after `timeout-minutes` the step fails with Azure's reason")
def test_a_start_that_never_gets_a_machine(action: Action, instance: Path, name: str, arm: Arm) -> None:
    assert action("ensure-compute", file=instance).status == 0
    assert action("ensure-compute", file=instance, state="stopped").status == 0
    arm("allocation_failed", compute=name, operation="compute start")
    ran = action("ensure-compute", file=instance, timeout_minutes="0.05")
    assert f"compute {name} is St" in ran.error
    assert "and not running after 0.05 minutes" in ran.error
    assert "could not be allocated" in ran.error


@pytest.mark.fault(
    "compute: it differs from its YAML",
    "a warning at each line that differs; a cluster is rescaled, by `on-difference` nothing is done or the step fails",
)
def test_a_cluster_is_rescaled_as_its_yaml_says(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str
) -> None:
    file = write_yaml("cluster.yaml", cluster(name, max_instances=2))
    assert action("ensure-compute", file=file).status == 0
    write_yaml("cluster.yaml", cluster(name, max_instances=4, idle_time_before_scale_down=300))
    ran = action("ensure-compute", file="cluster.yaml")
    assert ran.status == 0, ran.log
    expected = f"::notice file=cluster.yaml,line=5::compute {name} differs from its YAML: max_instances is 2 and not 4"
    assert f"{expected}; it is updated" in ran.log
    assert json.loads(ran.outputs["differences"])[0] == {"field": "max_instances", "yaml": 4, "existing": 2}
    assert ran.outputs["changed"] == "true"
    found = ml_client.compute.get(name)
    assert (found.min_instances, found.max_instances, found.idle_time_before_scale_down) == (0, 4, 300)

    again = action("ensure-compute", file="cluster.yaml")
    assert (again.outputs["changed"], again.outputs["differences"]) == ("false", "[]")


@pytest.mark.fault("compute: a rescaling collides with another operation (409)", "it is asked for again")
def test_a_rescaling_that_collides_is_tried_again(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str, arm: Arm, *, control: Control
) -> None:
    file = write_yaml("cluster.yaml", cluster(name, max_instances=2))
    assert action("ensure-compute", file=file).status == 0
    write_yaml("cluster.yaml", cluster(name, max_instances=3))
    arm("status", route="PATCH computes/*", status=409, code="ComputeOperationInProgress", count=1)
    assert action("ensure-compute", file=file).status == 0
    assert control.listed()[0]["hits"] == 1
    assert ml_client.compute.get(name).max_instances == 3


@pytest.mark.fault(
    "compute: it differs from its YAML",
    "a warning at each line that differs; a cluster is rescaled, by `on-difference` nothing is done or the step fails",
)
@pytest.mark.parametrize("on_difference", ["report", "fail"])
def test_a_cluster_that_is_not_to_be_changed(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str, on_difference: str
) -> None:
    file = write_yaml("cluster.yaml", cluster(name, max_instances=2))
    assert action("ensure-compute", file=file).status == 0
    write_yaml("cluster.yaml", cluster(name, max_instances=4))
    ran = action("ensure-compute", file="cluster.yaml", on_difference=on_difference)
    if on_difference == "fail":
        assert ran.error == (
            f"::error file=cluster.yaml,line=5::compute {name} differs from cluster.yaml: max_instances is 2 and not 4"
        )
    else:
        assert (ran.status, ran.outputs["changed"]) == (0, "false")
        assert f"| {name} | Succeeded | running | nothing had to be done | none |" in ran.summary
        assert f"::warning file=cluster.yaml,line=5::compute {name} differs from its YAML: max_instances" in ran.log
    assert "| max_instances | 4 | 2 |" in ran.summary
    assert ("| failed: compute" in ran.summary) == (on_difference == "fail")
    assert ml_client.compute.get(name).max_instances == 2


@pytest.mark.fault(
    "compute: it differs from its YAML",
    "a warning at each line that differs; a cluster is rescaled, by `on-difference` nothing is done or the step fails",
)
def test_an_instance_that_differs_is_told_and_left(
    action: Action, instance: Path, write_yaml: WriteYaml, ml_client: MLClient, name: str
) -> None:
    assert action("ensure-compute", file=instance).status == 0
    write_yaml("compute.yaml", {**COMPUTE_YAML, "name": name, "size": "Standard_DS2_v2", "tags": {"team": "a"}})
    ran = action("ensure-compute", file="compute.yaml")
    assert (ran.status, ran.outputs["changed"]) == (0, "false")
    assert [one["field"] for one in json.loads(ran.outputs["differences"])] == ["size", "tags.team"]
    assert f"::warning file=compute.yaml,line=3::compute {name} differs from its YAML: size is 'Standard_DS3" in ran.log
    assert ml_client.compute.get(name).size.lower() == COMPUTE_YAML["size"].lower()


@pytest.fixture
def job(action: Action, write_yaml: WriteYaml, instance: Path, name: str, ml_client: MLClient) -> str:
    """A job that runs on the instance until it is cancelled."""
    environment = write_yaml("environment.yaml", ENVIRONMENT_YAML)
    assert action("register-assets", environments=environment).status == 0
    assert action("ensure-compute", file=instance).status == 0
    settings = {"default_compute": f"azureml:{name}"}
    file = write_yaml("pipeline.yaml", pipeline({"long": node("sleep 600")}, settings=settings))
    submitted = ml_client.jobs.create_or_update(load_job(str(file)))
    return str(submitted.name)


def until(what: str, happened: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.1)


@pytest.mark.fault(
    "compute: another workflow's job runs on it when it is to be stopped",
    "it is left running, and the step says for which job",
)
def test_two_workflows_do_not_stop_it_under_each_other(
    action: Action, instance: Path, ml_client: MLClient, name: str, job: str
) -> None:
    until("the job to run", lambda: ml_client.jobs.get(job).status == "Running")
    for state in ("stopped", "deleted"):
        kept = action("ensure-compute", file=instance, state=state)
        assert kept.status == 0, kept.log
        assert kept.outputs == {
            "name": name,
            "state": "running",
            "changed": "false",
            "differences": "[]",
            "jobs": json.dumps([job]),
        }
        assert f"::notice::compute {name} is not {state}: it is used by job {job} (Running)" in kept.log
        assert f"| {name} | Running | running | nothing had to be done; used by {job} |" in kept.summary
    assert ml_client.compute.get(name).state == "Running"
    assert ml_client.jobs.get(job).status == "Running"

    # The job's own workflow is cancelled: it stops the compute as soon as the job has let go of it.
    ml_client.jobs.begin_cancel(job)
    stopped = action("ensure-compute", file=instance, state="stopped")
    assert (stopped.outputs["state"], stopped.outputs["jobs"]) == ("stopped", "[]")
    assert ml_client.jobs.get(job).status == "Canceled"


def test_it_is_stopped_all_the_same_when_told_so(
    action: Action, instance: Path, ml_client: MLClient, name: str, job: str
) -> None:
    ran = action("ensure-compute", file=instance, state="stopped", only_if_idle="false")
    assert ran.outputs["state"] == "stopped"
    assert ml_client.compute.get(name).state == "Stopped"
    until("the job to fail", lambda: ml_client.jobs.get(job).status == "Failed")
