"""run-aml-pipeline when Azure gives no machines, and when it refuses a token."""

from __future__ import annotations

import re
import uuid

import pytest

from azureml_emulator.faults.client import Control
from tests.integration.emulator_faults.conftest import Arm, arm, control, hits

from .conftest import Action, WriteYaml, node, pipeline
from .test_interruption import heard, step

__all__ = ["arm", "control"]

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def cluster(action: Action, write_yaml: WriteYaml) -> str:
    name = f"nodes-{uuid.uuid4().hex[:8]}"
    document = {"name": name, "type": "amlcompute", "size": "Standard_DS3_v2", "min_instances": 0, "max_instances": 1}
    assert action("ensure-compute", file=write_yaml("cluster.yaml", document)).status == 0
    return name


@pytest.mark.fault(
    "job: a cluster gets no machine (AllocationFailed)",
    "the job is submitted again, up to `retries` times, under its name with `-retry-1` and so on",
)
def test_a_cluster_that_gets_no_machine(action: Action, write_yaml: WriteYaml, arm: Arm, cluster: str) -> None:
    name = f"unplaced-{uuid.uuid4().hex[:8]}"
    file = write_yaml("pipeline.yaml", pipeline({"only": node(f"echo {name}")}))
    arm("allocation_failed", compute=cluster, node="only", seconds=0.5, count=1)
    ran = action("run-aml-pipeline", file=file, job_name=name, compute=cluster, retries="1")
    assert ran.status == 0, ran.log
    assert (ran.outputs["job-name"], ran.outputs["status"]) == (f"{name}-retry-1", "Completed")
    assert "it is submitted again (retry 1 of 1, after AllocationFailed)" in ran.log


@pytest.mark.fault(
    "sign-in: a token is refused (401) while a job is followed",
    "the log says so; the job is asked for again, and nothing is lost of it",
)
def test_a_token_that_is_refused(write_yaml: WriteYaml, arm: Arm, control: Control) -> None:
    talk = "for i in 1 2 3 4 5; do echo animal $i; sleep 1; done"
    file = write_yaml("pipeline.yaml", pipeline({"talking": node(talk)}))
    with step(file, f"refused-{uuid.uuid4().hex[:8]}") as process:
        heard(process, "[talking] animal 1")
        arm("expired_token", operation="job show", count=2)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert hits(control) == {"expired_token": 2}
    assert re.findall(r"\[talking\] animal (\d)\n", said) == ["2", "3", "4", "5"]
    assert "the job cannot be read for the moment" in said
