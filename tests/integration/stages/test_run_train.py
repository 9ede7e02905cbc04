"""`mlops run train` on a laptop against the emulator: whole, killed in the middle, interrupted, resumed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.ai.ml import MLClient

from tests.integration.actions.conftest import ENVIRONMENT_YAML, node, pipeline, training
from tests.integration.conftest import Emulator

COMMAND = [sys.executable, "-c", "from mlops_actions.cli import main; main()", "run", "train"]


@dataclass(frozen=True)
class Laptop:
    """A folder with what a training needs, and the commands called in it."""

    folder: Path
    environment: dict[str, str]
    compute: str
    client: MLClient

    def write(self, name: str, content: object) -> None:
        (self.folder / name).write_text(yaml.safe_dump(content, sort_keys=False))

    def train(self, *flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *flags],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @contextmanager
    def training(self, *flags: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            [*COMMAND, *flags],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def kept(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.folder / ".mlops" / "train.json").read_text())
        return record

    def jobs(self) -> list[str]:
        """The jobs of this test, whose pipeline is called after its compute."""
        return sorted(str(job.name) for job in self.client.jobs.list() if str(job.name).startswith(self.compute))

    def state(self) -> str:
        state: Any = self.client.compute.get(self.compute).state
        return str(state.value)

    @property
    def flags(self) -> tuple[str, ...]:
        return (f"--pipeline={self.compute}.yaml", "--compute-file=compute.yaml", "--environments=environment.yaml")


@pytest.fixture
def laptop(emulator: Emulator, ml_client: MLClient, tmp_path: Path) -> Iterator[Laptop]:
    compute = f"laptop-{uuid.uuid4().hex[:8]}"
    runners = ("GITHUB_", "RUNNER_", "INPUTS", "AZURE_")
    environment = {name: value for name, value in emulator.environment.items() if not name.startswith(runners)}
    # As on a laptop: what is not the network's is in .env.
    azure = {name: value for name, value in emulator.environment.items() if name.startswith("AZURE_")}
    (tmp_path / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in azure.items()))
    made = Laptop(tmp_path, environment, compute, ml_client)
    made.write("environment.yaml", ENVIRONMENT_YAML)
    made.write("compute.yaml", {"name": compute, "type": "computeinstance", "size": "Standard_DS3_v2"})
    yield made
    ml_client.compute.begin_delete(compute).result()


def on(compute: str, jobs: dict[str, object], **more: object) -> dict[str, object]:
    return {**pipeline(jobs, **more), "settings": {"default_compute": f"azureml:{compute}"}}


def heard(process: subprocess.Popen[str], text: str) -> list[str]:
    """The lines up to the one with this text."""
    said = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if text in line:
            return said
    raise AssertionError(f"'{text}' was not said:\n{''.join(said)}")


def test_the_whole_of_it(laptop: Laptop) -> None:
    laptop.write(f"{laptop.compute}.yaml", {**training("laptops-own"), **on(laptop.compute, {})} | {
        "jobs": training("laptops-own")["jobs"]
    })  # fmt: skip
    done = laptop.train(*laptop.flags, "--pipeline-inputs=content=heavy")
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = json.loads(done.stdout[done.stdout.rindex("\n{") :])
    assert (outputs["status"], outputs["model-name"]) == ("Completed", "laptops-own")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("== ")] == [
        "1/4",
        "2/4",
        "3/4",
        "4/4",
    ]
    assert laptop.state() == "Stopped"
    assert {name: step["status"] for name, step in laptop.kept()["steps"].items()} == dict.fromkeys(
        ("register", "start", "pipeline", "stop"), "done"
    )
    assert laptop.jobs() == [outputs["job-name"]]


def test_one_that_is_killed_finds_its_job_again(laptop: Laptop) -> None:
    go = laptop.folder / "go"
    talk = f"for i in 1 2 3; do echo animal $i; done; while [ ! -e {go} ]; do sleep 0.1; done; echo animal 4"
    laptop.write(f"{laptop.compute}.yaml", on(laptop.compute, {"talk": node(talk)}))
    with laptop.training(*laptop.flags) as process:
        heard(process, "[talk] animal 3")
        process.kill()
        process.wait(30)
    assert laptop.kept()["steps"]["pipeline"]["status"] == "running"
    assert laptop.state() == "Running"  # nobody was left to stop it

    refused = laptop.train(*laptop.flags)
    assert refused.returncode == 1
    assert "the last run was killed in its step pipeline, and its job may still run" in refused.stderr

    go.touch()
    resumed = laptop.train("--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "== 1/4 Register environments, components and data: done before: assets=" in resumed.stdout
    assert f"== 2/4 Start the compute: done before: name={laptop.compute}, state=running" in resumed.stdout
    assert "it is followed, not submitted again" in resumed.stdout
    assert re.findall(r"\[talk\] animal (\d)\n", resumed.stdout) == ["1", "2", "3", "4"]
    assert laptop.jobs() == [laptop.kept()["job_name"]]
    assert laptop.state() == "Stopped"


def test_one_that_is_killed_while_it_starts_the_compute(laptop: Laptop) -> None:
    laptop.write(f"{laptop.compute}.yaml", on(laptop.compute, {"only": node("true")}))
    with laptop.training(*laptop.flags) as process:
        heard(process, f"compute {laptop.compute}: Creating")
        process.kill()
        process.wait(30)
    resumed = laptop.train("--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert len(laptop.jobs()) == 1
    assert laptop.state() == "Stopped"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_interrupted_stops_its_compute(laptop: Laptop, number: signal.Signals) -> None:
    go = laptop.folder / "go"
    wait = f"echo the animals are coming; while [ ! -e {go} ]; do sleep 0.1; done"
    laptop.write(f"{laptop.compute}.yaml", on(laptop.compute, {"slow": node(wait)}))
    with laptop.training(*laptop.flags) as process:
        heard(process, "[slow] the animals are coming")
        process.send_signal(number)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    job = laptop.kept()["job_name"]
    assert f"interrupted ({number.name}): job {job} was cancelled" in rest
    assert f"compute {laptop.compute} is stopped" in rest
    assert rest.splitlines()[-1] == "mlops run train --resume goes on from there"
    assert laptop.client.jobs.get(job).status in {"CancelRequested", "Canceled"}
    assert laptop.state() == "Stopped"
    if number == signal.SIGTERM:
        return  # it goes on as after the other one

    go.touch()
    resumed = laptop.train("--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "start is done again, as stop came after it" in resumed.stdout
    assert laptop.jobs() == [job, f"{job}-again-2"]
    assert laptop.state() == "Stopped"


def test_a_step_that_fails_and_is_mended(laptop: Laptop) -> None:
    laptop.write(f"{laptop.compute}.yaml", on(laptop.compute, {"train": node("echo no such animal >&2; exit 3")}))
    failed = laptop.train(*laptop.flags)
    assert failed.returncode == 1
    assert "node train failed" in failed.stderr
    assert laptop.state() == "Stopped"
    listed = laptop.train("--list")
    assert re.search(r"^pipeline +run-aml-pipeline +failed: job-name=.*status=Failed", listed.stdout, re.MULTILINE)

    laptop.write(f"{laptop.compute}.yaml", on(laptop.compute, {"train": node("true")}))
    assert laptop.train("--only=start").returncode == 0
    assert laptop.state() == "Running"
    mended = laptop.train("--from-step=run-aml-pipeline")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert laptop.state() == "Stopped"
    assert len(laptop.jobs()) == 2


def test_a_mistake_in_a_file_is_found_before_there_is_a_machine(laptop: Laptop) -> None:
    (laptop.folder / "environment.yaml").write_text("name: [\n")
    laptop.write(f"{laptop.compute}.yaml", on(laptop.compute, {"only": node("true")}))
    failed = laptop.train(*laptop.flags)
    assert failed.returncode == 1
    assert failed.stderr.startswith("environment.yaml:")
    assert laptop.compute not in {compute.name for compute in laptop.client.compute.list()}
    laptop.write("environment.yaml", ENVIRONMENT_YAML)
    assert laptop.train("--resume").returncode == 0
