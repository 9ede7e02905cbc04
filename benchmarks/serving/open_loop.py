"""An open loop by vegeta: requests come at a fixed rate, whether or not the ones before are answered."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.paths import cache

from ..report import BenchmarkError
from .photos import Forms

_MODULE = Path(__file__).with_name("vegeta")
_PACKAGE = "github.com/tsenart/vegeta/v12"
_BUILD_SECONDS = 300
_DRAIN_SECONDS = 60
_OK = 200


@dataclass(frozen=True)
class Offered:
    """What came of requests at a fixed rate."""

    statuses: Counter[int]
    """Answers by status; those that never came have status 0."""
    errors: Counter[str]
    """What was wrong with those that never came."""
    latencies: Counter[int]
    """How many answers with status 200 took so many microseconds."""
    first: float
    last: float
    """When the first and the last request were sent, in seconds since the epoch."""
    generator_seconds: float = 0.0

    @property
    def requests(self) -> int:
        """How many were sent."""
        return self.statuses.total()

    @property
    def rate(self) -> float:
        """Requests a second that were really sent."""
        return (self.requests - 1) / (self.last - self.first) if self.last > self.first else 0.0


def program() -> Path:
    """The load generator, built once from its pinned module. Raises BenchmarkError if it can't be built."""
    key = hashlib.sha256((_MODULE / "go.sum").read_bytes()).hexdigest()[:16]
    built = cache() / "serving-bench" / f"vegeta-{key}"
    if not built.exists():
        if shutil.which("go") is None:
            raise BenchmarkError("go is not on the PATH; install Go 1.24 or newer (https://go.dev/dl)")
        built.parent.mkdir(parents=True, exist_ok=True)
        part = built.with_suffix(".part")
        command = ["go", "build", "-C", str(_MODULE), "-o", str(part), _PACKAGE]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_BUILD_SECONDS)
        if ended.returncode != 0:
            raise BenchmarkError(f"vegeta can't be built: {ended.stderr.strip().splitlines()[-1]}")
        part.rename(built)
    return built


def version() -> str:
    """The version of the load generator."""
    found = re.search(rf"{re.escape(_PACKAGE)} (v\S+)", (_MODULE / "go.mod").read_text())
    if found is None:
        raise BenchmarkError(f"{_MODULE / 'go.mod'} does not require {_PACKAGE}")
    return found[1]


@contextmanager
def offering(
    url: str, forms: Forms, folder: Path, *, rate: float, seconds: float, workers: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Offer requests while the block runs; `results` reads what came of them once it has ended."""
    targets = folder / "targets"
    targets.write_text("".join(_target(url, forms, number) for number in range(forms.count)))
    process = subprocess.Popen(
        [
            *(str(program()), "attack", "-format=json", f"-targets={targets}", f"-output={folder / 'results'}"),
            *(f"-rate={round(rate * 60)}/1m", f"-duration={seconds:g}s", "-timeout=30s"),
            *(f"-workers={min(workers, 64)}", f"-max-workers={workers}", f"-connections={workers}"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "complaints").open("wb"),
    )
    try:
        yield process
        process.wait(seconds + _DRAIN_SECONDS)
    finally:
        process.kill()
        process.wait()


def results(folder: Path) -> Offered:
    """What came of what was offered. Raises BenchmarkError if nothing is told."""
    command = [str(program()), "encode", "-to=csv", str(folder / "results")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0 or not ended.stdout:
        told = (ended.stderr or (folder / "complaints").read_text()).strip()
        raise BenchmarkError(f"vegeta told no result: {told[-300:]}")
    return parse(ended.stdout)


def parse(text: str) -> Offered:
    """The results as vegeta writes them as CSV: nanoseconds since the epoch, status, nanoseconds, …, the error."""
    statuses, errors, latencies = Counter[int](), Counter[str](), Counter[int]()
    sent = []
    for moment, status, latency, _, _, error, *_ in csv.reader(text.splitlines()):
        statuses[int(status)] += 1
        sent.append(int(moment))
        if int(status) == 0:
            errors[error] += 1
        elif int(status) == _OK:
            latencies[int(latency) // 1000] += 1
    return Offered(statuses, errors, latencies, min(sent) / 1e9, max(sent) / 1e9)


def offer(url: str, forms: Forms, folder: Path, *, rate: float, seconds: float, workers: int = 512) -> Offered:
    """Offer requests, and wait for the answers to all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    with offering(url, forms, folder, rate=rate, seconds=seconds, workers=workers):
        time.sleep(seconds)
    return results(folder)


def _target(url: str, forms: Forms, number: int) -> str:
    body = base64.b64encode((forms.folder / str(number)).read_bytes()).decode()
    header = {"Content-Type": [forms.content_type]}
    return json.dumps({"method": "POST", "url": url, "header": header, "body": body}) + "\n"
