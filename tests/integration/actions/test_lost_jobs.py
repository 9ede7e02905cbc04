"""No job is lost and none is run twice: killed and cancelled steps, retries, calls that do not wait, broken streams."""

from __future__ import annotations

import re
import signal
import time
import uuid
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceNotFoundError

from azureml_emulator.faults import validation
from azureml_emulator.faults.client import Control
from mlops_actions import network
from tests.integration.emulator_faults.conftest import Arm, arm, control, hits

from .conftest import Action, WriteYaml, node, pipeline
from .test_interruption import GRANTED_SECONDS, heard, is_ending, step, until

__all__ = ["arm", "control"]

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def name() -> str:
    return f"lost-{uuid.uuid4().hex[:8]}"


def jobs_called(client: MLClient, name: str) -> set[str]:
    """The names of the jobs that are called so, and of their retries."""
    return {str(job.name) for job in client.jobs.list() if str(job.name).startswith(name)}


@pytest.mark.fault(
    "runner: it is lost while a job runs", "the job runs on; the re-run follows it, from the first line of its logs"
)
def test_a_step_that_is_killed_after_the_submission(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str
) -> None:
    file = write_yaml(
        "pipeline.yaml", pipeline({"only": node("for i in $(seq 20); do echo animal $i; sleep 0.1; done")})
    )
    with step(file, name) as process:
        heard(process, f"job {name}: ")
        process.kill()
        process.wait(30)
    ran = action("run-aml-pipeline", file=file, job_name=name)
    assert ran.outputs["status"] == "Completed"
    assert "it is followed, not submitted again" in ran.log
    assert re.findall(r"\[only\] animal (\d+)\n", ran.log) == [str(number) for number in range(1, 21)]
    assert jobs_called(ml_client, name) == {name}


@pytest.mark.fault(
    "runner: it is lost while a job is being submitted", "the re-run follows the job, or submits it: one job"
)
def test_a_step_that_is_killed_while_it_submits(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, control: Control, name: str
) -> None:
    file = write_yaml("pipeline.yaml", pipeline({"only": node("true")}))
    control.arm([validation.read({"fault": "slow", "operation": "job submit", "seconds": 2, "count": 1}, name="slow")])
    with step(file, name) as process:
        until("the job is being submitted", lambda: hits(control) == {"slow": 1})
        process.kill()
        process.wait(30)
    ran = action("run-aml-pipeline", file=file, job_name=name)
    assert ran.outputs["status"] == "Completed"
    assert jobs_called(ml_client, name) == {name}


@pytest.mark.fault(
    "runner: the workflow is cancelled while a job is being submitted",
    "the job is cancelled as soon as it is there, within 7.5 s",
)
def test_a_step_that_is_cancelled_while_it_submits(
    write_yaml: WriteYaml, ml_client: MLClient, arm: Arm, control: Control, name: str
) -> None:
    """The job may begin after the step was told to end."""
    file = write_yaml("pipeline.yaml", pipeline({"slow": node("sleep 600")}))
    arm("slow", operation="job submit", seconds=1.5, count=1)
    with step(file, name) as process:
        until("the job is being submitted", lambda: hits(control) == {"slow": 1})
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        said, _ = process.communicate(timeout=30)
        assert time.monotonic() - began < GRANTED_SECONDS
    try:
        status = ml_client.jobs.get(name).status
    except ResourceNotFoundError:
        assert f"job {name} was not submitted" in said
    else:
        assert status in {"CancelRequested", "Canceled"}
        assert f"job {name} was cancelled" in said


@pytest.mark.fault(
    "runner: the workflow is cancelled while the network is bad", "the job is cancelled within 7.5 s all the same"
)
@pytest.mark.parametrize("fault", [{"fault": "status", "status": 503}, {"fault": "reset"}])
def test_a_cancelled_step_cancels_in_time_on_a_bad_network(
    write_yaml: WriteYaml, ml_client: MLClient, control: Control, name: str, fault: dict[str, object]
) -> None:
    file = write_yaml("pipeline.yaml", pipeline({"slow": node("echo the animals are coming; sleep 600")}))
    with step(file, name) as process:
        heard(process, "[slow] the animals are coming")
        control.arm([validation.read({**fault, "operation": "job cancel", "count": 2}, name="cancel")])
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        assert time.monotonic() - began < GRANTED_SECONDS
    assert f"job {name} was cancelled" in said
    assert hits(control) == {"cancel": 2}
    assert is_ending(ml_client, name)


@pytest.mark.fault(
    "runner: the workflow is cancelled, with `cancel-on-interrupt: false`", "the job runs on; a later call follows it"
)
def test_a_cancelled_step_may_leave_its_job(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    wait = f"echo the animals are coming; while [ ! -e {go} ]; do sleep 0.1; done"
    file = write_yaml("pipeline.yaml", pipeline({"slow": node(wait)}))
    with step(file, name, cancel_on_interrupt="false") as process:
        heard(process, "[slow] the animals are coming")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"interrupted (SIGINT): job {name} is left to itself (cancel-on-interrupt is false)" in said

    late = action("run-aml-pipeline", file=file, job_name=name, timeout_minutes="0.01", cancel_on_timeout="false")
    assert (late.status, late.outputs["status"]) == (0, "Running")
    assert f"runs on: a later call with job-name {name} follows it" in late.log

    go.touch()
    assert action("run-aml-pipeline", file=file, job_name=name).outputs["status"] == "Completed"
    # A call that does not wait tells the whole of a job that has ended.
    ended = action("run-aml-pipeline", file=file, job_name=name, wait="false")
    assert (ended.outputs["status"], ended.outputs["metrics"]) == ("Completed", "{}")
    assert jobs_called(ml_client, name) == {name}


@pytest.mark.fault(
    "job: a node is preempted", "the job is submitted again, up to `retries` times; nodes that completed are reused"
)
def test_a_preempted_job_is_tried_again_and_what_is_done_is_reused(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, arm: Arm, name: str
) -> None:
    first = node(f"echo {name} > ${{{{outputs.out}}}}", outputs={"out": {"type": "uri_file"}})
    second = node("cat ${{inputs.after}}; sleep 1", inputs={"after": "${{parent.jobs.first.outputs.out}}"})
    file = write_yaml("pipeline.yaml", pipeline({"first": first, "second": second}))
    arm("preempted_node", node="second", count=2)
    once = action("run-aml-pipeline", file=file, job_name=name)
    assert "PreemptionError" in once.error  # nobody asked for a retry

    again = action("run-aml-pipeline", file=file, job_name=name, retries="2")
    assert again.status == 0, again.log
    assert (again.outputs["job-name"], again.outputs["status"]) == (f"{name}-retry-2", "Completed")
    assert "it is submitted again (retry 2 of 2, after PreemptionError)" in again.log
    assert "| first | Completed, reused |" in again.summary
    assert ml_client.jobs.get(f"{name}-retry-1").tags["retry-of"] == name

    # Whoever calls with that name again finds the last of its jobs.
    found = action("run-aml-pipeline", file=file, job_name=name, retries="2")
    assert found.outputs == again.outputs
    assert jobs_called(ml_client, name) == {name, f"{name}-retry-1", f"{name}-retry-2"}


@pytest.mark.fault(
    "job: the user's code fails", "the step fails with the node, its error and its last 40 lines; never a retry"
)
def test_an_error_of_the_users_code_is_not_tried_again(
    action: Action, write_yaml: WriteYaml, ml_client: MLClient, name: str
) -> None:
    said = "AzureMLCompute job failed. PreemptionError: I only say so"
    inner = pipeline({"broken": node(f"seq 100; echo {said} >&2; exit 3"), "fine": node("true")})
    write_yaml("inner.yaml", {"type": "pipeline", "name": "inner", "version": "1", "jobs": inner["jobs"]})
    file = write_yaml("pipeline.yaml", pipeline({"outer": {"type": "pipeline", "component": "./inner.yaml"}}))
    ran = action("run-aml-pipeline", file=file, job_name=name, retries="3")
    assert f"job {name} is Failed: node outer/broken failed: " in ran.error
    assert "| outer/broken | Failed |" in ran.summary
    group = ran.log.index("::group::the last lines of node outer/broken")
    shown = ran.log[group : ran.log.index("::endgroup::", group)].splitlines()
    assert "100" in shown
    assert len(shown) == 43  # the title, 40 lines, and what keeps them from being commands
    assert ran.log.count("[outer/broken] 50\n") == 1  # the last ones are in the error too
    assert jobs_called(ml_client, name) == {name}


@pytest.mark.fault(
    "job: the stream of its log breaks off", "it goes on where it broke off: no line is lost, none comes twice"
)
def test_a_log_on_a_network_that_breaks(
    action: Action, write_yaml: WriteYaml, arm: Arm, control: Control, name: str
) -> None:
    """No line is lost and none comes twice, wherever the connection breaks."""
    talk = f"for i in $(seq 400); do echo animal $i is {'a rather long ' * 20}line; sleep 0.01; done"
    file = write_yaml("pipeline.yaml", pipeline({"talking": node(talk)}))
    network.transport.cache_clear()  # whose connections would be those of the tests before
    arm("reset", tunnel="*.blob.core.windows.net", after_bytes=1500, count=3)  # of what is asked
    ran = action("run-aml-pipeline", file=file, job_name=name)
    assert ran.outputs["status"] == "Completed", ran.log
    lines = re.findall(r"\[talking\] animal (\d+) is a[a-z ]*line\n", ran.log)
    assert lines == [str(number) for number in range(1, 401)]
    assert hits(control)["reset"] > 1
    assert "azuremlemulator.blob.core.windows.net" in ran.log  # a reason is told


def test_retries_that_make_no_sense(action: Action, write_yaml: WriteYaml) -> None:
    file = write_yaml("pipeline.yaml", pipeline({"only": node("true")}))
    assert action("run-aml-pipeline", file=file, retries="10").error == "::error::retries must be from 0 to 9"
