"""The real service as a process of its own, and what the kernel tells of it meanwhile: processes, threads, memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.processes import SandboxError, proportional_set_size, wait_for

INFERENCE = Path(__file__).parents[2] / "inference"
_STARTED = re.compile(r"running on http://([\d.]+):(\d+)")
_START_SECONDS, _END_SECONDS = 60, 30


@dataclass(frozen=True)
class Sample:
    """What its processes hold at one moment; `pss` is in bytes, shared pages being divided among those that share."""

    at: float
    processes: frozenset[int]
    threads: int
    pss: int


@dataclass(frozen=True)
class Service:
    """A service that runs."""

    host: str
    port: int
    pid: int
    log: Path

    def sample(self) -> Sample:
        """Its processes and what they hold. Raises SandboxError once it has ended."""
        processes = list(_family(self.pid))
        try:
            threads = sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in processes)
            return Sample(time.monotonic(), frozenset(processes), threads, sum(map(proportional_set_size, processes)))
        except (FileNotFoundError, ProcessLookupError) as error:
            raise SandboxError(f"a process of the service has ended: {error.filename}") from error

    def complaints(self) -> list[str]:
        """The last line of each traceback in its log."""
        found, inside = [], False
        for line in self.log.read_text(errors="replace").splitlines():
            if inside and line and not line.startswith((" ", "\t")):
                found.append(line)
            inside = "Traceback" in line or (inside and line.startswith((" ", "\t")))
        return found


def _family(pid: int) -> Iterator[int]:
    """A process and all that came from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _family(int(child))


def interpreter() -> Path:
    """That of the service's locked environment, which is made if need be."""
    uv = os.environ.get("UV", "uv")
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    command: list[str | Path] = [
        uv,
        "run",
        "--frozen",
        "--quiet",
        "--project",
        INFERENCE,
        "python",
        "-c",
        "import sys; print(sys.executable)",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SandboxError(f"the service's environment can't be made: {done.stderr.strip().splitlines()[-1]}")
    return Path(done.stdout.strip())


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Service]:
    """The service with a small model, in `folder`. Raises SandboxError if it does not start, or end when told to."""
    python, model, log = interpreter(), folder / "model", folder / "service.log"
    model.mkdir(parents=True)
    subprocess.run([python, "-m", "tests.colour_model", model], cwd=INFERENCE, check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"MODEL_PATH": str(model), "PORT": "0"} | settings
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", "animal_classifier"], cwd=INFERENCE, env=environment, stdout=output, stderr=output
        )
    try:
        wait_for(
            "the service to start",
            lambda: process.poll() is not None or _STARTED.search(log.read_text(errors="replace")) is not None,
            seconds=_START_SECONDS,
        )
        if not (started := _STARTED.search(log.read_text(errors="replace"))):
            raise SandboxError(f"the service ended with {process.returncode}; its log is {log}")
        yield Service(started[1], int(started[2]), process.pid, log)
        process.send_signal(signal.SIGTERM)
        # After all that it has to do, uvicorn raises the signal again.
        if (status := process.wait(_END_SECONDS)) not in {0, -signal.SIGTERM}:
            raise SandboxError(f"the service ended with {status} when it was told to; its log is {log}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
