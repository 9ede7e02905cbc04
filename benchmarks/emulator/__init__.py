"""The Azure ML emulator: how soon it is ready, what it takes while it idles, and what it adds to a job."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from azureml_emulator import lifecycle, processes
from azureml_emulator.settings import Settings

from ..report import Row, write
from . import jobs, status_reads

_ROUNDS = 5
# Measured with a throw-away server that answered the same requests of azure-ai-ml: what the protocol alone costs.
_PROTOTYPE = "prototype"
_PROTOTYPE_SUBMIT_SECONDS = 0.313
_PROTOTYPE_GET_SECONDS = 0.0034


def measure() -> None:
    """Measure everything, and write the report."""
    with tempfile.TemporaryDirectory(prefix="emulator-bench-") as folder:
        rows = [_start_up(Path(folder))]
        with _running(Path(folder) / "state") as settings:
            rows.append(_idle(settings))
            with jobs.workspace(settings) as client:
                rows += _jobs(client, Path(folder))
                rows += [
                    Row(key, f"{what}, 50 clients, one core", rate, "1/s", status_reads.WANTED, "wanted")
                    for key, (what, rate) in status_reads.measure(settings, jobs.finished(client)).items()
                ]
    versions = {name: version(name) for name in ("azureml-emulator", "azure-ai-ml", "mlflow", "uvicorn", "starlette")}
    write("emulator", "The emulator's speed", rows, versions=versions)


@contextmanager
def _running(state: Path) -> Iterator[Settings]:
    settings = lifecycle.up(state)
    try:
        yield settings
    finally:
        lifecycle.down(state)


def _start_up(folder: Path) -> Row:
    """Seconds from `up` to ready, of a new emulator each; Azurite is installed already."""
    with _running(folder / "warm"):
        pass
    seconds = []
    for number in range(_ROUNDS):
        began = time.monotonic()
        with _running(folder / f"start-{number}"):
            seconds.append(time.monotonic() - began)
    return Row("start_seconds", "start to ready (median)", statistics.median(seconds), "s", 3, "wanted")


def _idle(settings: Settings) -> Row:
    """Resident memory of the server's own process before its first job; Azurite's and MLflow's are not in it."""
    pid = processes.running(settings.state / "pid" / "emulator")
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Row(
        "idle_mebibytes", "idle memory of the server", pages * os.sysconf("SC_PAGE_SIZE") / 2**20, "MiB", 150, "wanted"
    )


def _jobs(client: jobs.Client, folder: Path) -> list[Row]:
    pipeline = jobs.chain(folder / "pipeline", nodes=6)
    jobs.run(client, pipeline)  # The environment is built, the code uploaded.
    timed = [jobs.run(client, pipeline) for _ in range(_ROUNDS)]
    submit = statistics.median(one.submit_seconds for one in timed)
    node = statistics.median(one.run_seconds / 6 for one in timed)
    get = jobs.get_seconds(client, rounds=200)
    return [
        Row(
            "submit_seconds",
            "submit of a 6-node pipeline, code cached (median)",
            submit,
            "s",
            _PROTOTYPE_SUBMIT_SECONDS,
            _PROTOTYPE,
        ),
        Row("node_seconds", "a node's overhead in a chain of 6 (median)", node, "s", 0.150, "wanted"),
        Row("get_seconds", "one GET by the SDK (median)", get, "s", _PROTOTYPE_GET_SECONDS, _PROTOTYPE),
    ]
