"""What becomes of the job when the step that follows it is ended: the job ends too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceNotFoundError

from .conftest import WriteYaml, as_inputs, node, outputs_in, pipeline

pytestmark = pytest.mark.usefixtures("workspace")

Step = subprocess.Popen[str]

GRANTED_SECONDS = 7.5
"""How long GitHub waits after SIGINT, until it sends SIGTERM."""


def until(what: str, ready: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"gave up waiting until {what}"
        time.sleep(0.1)


@contextmanager
def step(file: Path, job: str, wrapper: str = "", **inputs: object) -> Iterator[Step]:
    """The action in a process of its own; with a wrapper, in a child of a process as uv is one."""
    command = [sys.executable, "-c", "from mlops_actions.cli import main; main()", "run-aml-pipeline"]
    environment = {**os.environ, "INPUTS": as_inputs({"file": file, "job_name": job, **inputs})}
    if wrapper:
        command = ["bash", "-c", wrapper, "bash", *command]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: Step, text: str) -> None:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            return
    raise AssertionError(f"'{text}' was not said:\n{''.join(said)}")


@pytest.fixture
def slow(write_yaml: WriteYaml) -> Path:
    return write_yaml("pipeline.yaml", pipeline({"slow": node("echo the animals are coming; sleep 600")}))


def is_ending(client: MLClient, job: str) -> bool:
    return client.jobs.get(job).status in {"CancelRequested", "Canceled"}


@pytest.mark.fault(
    "runner: the workflow is cancelled (SIGINT, SIGTERM)", "the job is cancelled within 7.5 s, and the step says so"
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_job(slow: Path, runner: Path, ml_client: MLClient, number: signal.Signals) -> None:
    job = f"signalled-{number.name.lower()}-{os.urandom(4).hex()}"
    (runner / "output").unlink(missing_ok=True)
    with step(slow, job) as process:
        heard(process, "[slow] the animals are coming")
        began = time.monotonic()
        process.send_signal(number)
        # A runner that cancels sends the other one soon after.
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
        assert time.monotonic() - began < GRANTED_SECONDS
    assert process.returncode == 1
    assert said.splitlines()[-1] == f"::error::interrupted ({number.name}): job {job} was cancelled"
    assert outputs_in(runner / "output")["job-name"] == job
    assert is_ending(ml_client, job)


@pytest.mark.fault("runner: the workflow is cancelled before a job is submitted", "no job is submitted")
def test_a_signal_before_the_job_is_known_leaves_no_job(slow: Path, ml_client: MLClient) -> None:
    job = f"early-{os.urandom(4).hex()}"
    with step(slow, job) as process:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    with pytest.raises(ResourceNotFoundError):
        ml_client.jobs.get(job)


@pytest.mark.fault("runner: the process that started the step is gone", "the job is cancelled")
def test_a_runner_that_is_gone_cancels_the_job(slow: Path, ml_client: MLClient) -> None:
    """Killed, the step's own process passes no signal on."""
    job = f"orphaned-{os.urandom(4).hex()}"
    with step(slow, job, wrapper='"$@"; exit $?') as process:
        heard(process, "[slow] the animals are coming")
        process.kill()
        until("the job is cancelled", lambda: is_ending(ml_client, job))


@pytest.mark.fault("runner: nobody reads the step's log any more", "the job is cancelled")
def test_a_log_that_nobody_reads_any_more_cancels_the_job(write_yaml: WriteYaml, ml_client: MLClient) -> None:
    talk = "for i in $(seq 600); do echo animal $i; sleep 0.2; done"
    file = write_yaml("pipeline.yaml", pipeline({"talking": node(talk)}))
    job = f"unheard-{os.urandom(4).hex()}"
    with step(file, job) as process:
        heard(process, "[talking] animal 1")
        assert process.stdout is not None
        process.stdout.close()
        until("the job is cancelled", lambda: is_ending(ml_client, job))
        process.wait(30)
