"""The actions on a bad network: what fails for a while is sent again, with the reason in the log; a refusal is not."""

from __future__ import annotations

import re
import time
import uuid

import pytest

from azureml_emulator.faults import validation
from azureml_emulator.faults.client import Control
from tests.integration.emulator_faults.conftest import Arm, arm, control, hits

from .conftest import COMPUTE, Action, WriteYaml, pipeline, training

__all__ = ["arm", "control"]

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.mark.fault("network: 429 with Retry-After", "it waits as it is told, then sends the request again")
def test_what_is_throttled_is_sent_again_when_the_service_says(action: Action, arm: Arm, control: Control) -> None:
    arm("status", status=429, retry_after=2, operation="compute show", count=1)
    began = time.monotonic()
    ran = action("ensure-compute", name=COMPUTE)
    assert ran.status == 0, ran.log
    assert time.monotonic() - began >= 2
    again = (
        r"GET management\.azure\.com/…/workspaces/\S+/computes/\S+: answered 429 .*; sent again after 2 s \(retry 1\)"
    )
    assert len(re.findall(again, ran.log)) == 1
    assert hits(control) == {"status": 1}


@pytest.mark.fault("network: a Retry-After of an hour", "no more than two minutes of it are waited for")
def test_a_wait_that_nobody_has_time_for(action: Action, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_actions.network.LONGEST_WAIT", 1)
    arm("status", status=503, retry_after=3600, operation="compute show", count=1)
    ran = action("ensure-compute", name=COMPUTE)
    assert ran.status == 0
    assert "answered 503 Service Unavailable; sent again after 1 s (retry 1)" in ran.log


@pytest.mark.fault(
    "network: a service is down (503)", "requests are sent again for five minutes, then the step fails with the reason"
)
def test_a_service_that_is_down_is_not_asked_for_ever(
    action: Action, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_actions.network.TOTAL_SECONDS", 3)
    arm("status", status=503, operation="compute show")
    began = time.monotonic()
    ran = action("ensure-compute", name=COMPUTE)
    assert time.monotonic() - began < 15
    assert ran.error.startswith("::error::")
    assert "(retry 2)" in ran.log


@pytest.mark.fault("network: a request is refused (403)", "the step fails at once")
def test_a_refusal_is_final(action: Action, arm: Arm) -> None:
    arm("status", status=403, code="AuthorizationFailed", operation="compute show")
    ran = action("ensure-compute", name=COMPUTE)
    assert ran.status == 1
    assert "sent again" not in ran.log


@pytest.mark.fault(
    "network: the connection of a start, stop or cancel breaks, before or after it was done",
    "it is sent again, and done once",
)
@pytest.mark.parametrize("performed", [False, True])
def test_a_post_whose_connection_breaks(action: Action, arm: Arm, control: Control, *, performed: bool) -> None:
    """azure-core never sends a POST again by itself."""
    assert action("ensure-compute", name=COMPUTE, state="running").status == 0
    arm("reset", operation="compute stop", count=1, performed=performed)
    ran = action("ensure-compute", name=COMPUTE, state="stopped")
    assert ran.status == 0, ran.log
    assert ran.outputs["state"] == "stopped"
    assert "/stop: " in ran.log
    assert hits(control) == {"reset": 1}
    control.clear()
    assert action("ensure-compute", name=COMPUTE, state="running").status == 0


@pytest.mark.fault("network: the answer to a submission is lost", "it is sent again under the same name: one job")
def test_a_submission_whose_answer_is_lost_is_one_job(
    action: Action, write_yaml: WriteYaml, arm: Arm, control: Control
) -> None:
    model = f"model-{uuid.uuid4().hex[:8]}"
    arm("reset", operation="job submit", count=1, performed=True)
    ran = action("run-aml-pipeline", file=write_yaml("pipeline.yaml", training(model)), job_name=f"{model}-once")
    assert ran.status == 0, ran.log
    assert (ran.outputs["status"], ran.outputs["model-version"]) == ("Completed", "1")
    assert hits(control) == {"reset": 1}


@pytest.mark.fault(
    "network: 429, 503, resets and stalls in a fifth of all requests", "runs complete, each with its model"
)
def test_runs_complete_when_a_fifth_of_all_requests_fail(
    action: Action, write_yaml: WriteYaml, control: Control
) -> None:
    faults: dict[str, dict[str, object]] = {
        "throttled": {"fault": "status", "status": 429, "retry_after": 1},
        "unavailable": {"fault": "status", "status": 503},
        "broken": {"fault": "reset"},
        "stalled": {"fault": "slow", "seconds": 2},
    }
    each = {"route": "/**", "probability": 0.05, "seed": 8}
    control.arm(validation.read({**fault, **each}, name=name) for name, fault in faults.items())
    for number in range(2):
        model = f"model-{uuid.uuid4().hex[:8]}"
        file = write_yaml("pipeline.yaml", pipeline({}) | training(model, f"weights {model}"))
        ran = action("run-aml-pipeline", file=file, job_name=f"{model}-{number}")
        assert ran.status == 0, ran.log
        assert (ran.outputs["status"], ran.outputs["model-version"]) == ("Completed", "1")
    assert all(hits(control).values())
