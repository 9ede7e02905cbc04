"""Status reads a second: wrk with 50 connections on one core, the server on another."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from azureml_emulator import identity, processes
from azureml_emulator.settings import API_HOST, ARM_HOST, Settings

from ..report import BenchmarkError

WANTED = 1000
_CLIENTS = 50
_SECONDS = 5


def measure(settings: Settings, job: str) -> dict[str, tuple[str, float]]:
    """Requests a second by what is read: the job as `jobs.get` reads it, its details as `jobs.stream` does."""
    if shutil.which("wrk") is None:
        raise BenchmarkError("wrk is not installed: run `make setup`")
    details = f"/history/v1.0{settings.workspace_id}/runs/{job}/details"
    with _one_core_each(settings) as core:
        read_job = _rate(settings, ARM_HOST, f"{settings.workspace_id}/jobs/{job}", core)
        read_details = _rate(settings, API_HOST, details, core)
    return {
        "job_reads_per_second": ("status reads (job)", read_job),
        "details_reads_per_second": ("status reads (run details)", read_details),
    }


@contextmanager
def _one_core_each(settings: Settings) -> Iterator[int]:
    """Keep the server to the first core; the answer is the core for its clients."""
    first, *others = sorted(os.sched_getaffinity(0))
    pid = processes.running(settings.state / "pid" / "emulator")
    if pid is None:
        raise BenchmarkError("the emulator has ended")
    threads = [int(one) for one in (entry.name for entry in Path(f"/proc/{pid}/task").iterdir())]
    before = {thread: os.sched_getaffinity(thread) for thread in threads}
    for thread in threads:
        os.sched_setaffinity(thread, {first})
    try:
        yield others[0] if others else first
    finally:
        for thread, cores in before.items():
            os.sched_setaffinity(thread, cores)


def _rate(settings: Settings, host: str, path: str, core: int) -> float:
    token = identity.access_token(settings, f"https://{ARM_HOST}")
    ended = subprocess.run(
        [
            *("taskset", "-c", str(core), "wrk", "--threads", "1", "--connections", str(_CLIENTS)),
            *("--duration", f"{_SECONDS}s", "--header", f"Host: {host}", "--header", f"Authorization: Bearer {token}"),
            f"https://127.0.0.1:{settings.ports.api}{path}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Requests/sec:\s+([\d.]+)", ended.stdout)
    if found is None or "Non-2xx" in ended.stdout:
        raise BenchmarkError(f"wrk read no statuses: {(ended.stderr or ended.stdout).strip()[-300:]}")
    return float(found[1])
