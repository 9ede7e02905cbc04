"""The rounds: each starts every contender anew, one after the other, so that noise hits all alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ..report import BenchmarkError
from . import closed_loop, contenders, environments
from .closed_loop import Load
from .photos import Forms
from .server import Server, running

CONNECTIONS = (1, 8, 32, 128)
MEMORY_AT = 32
ROUNDS = 3
SECONDS = 3
_WARM_UP_SECONDS = 1
_WARM_UP_CONNECTIONS = 8
_LIMIT = Path(__file__).with_name("limit.py")
_LIMIT_BATCHES = (1, 8)
"""Photos that are classified together: one by one, and as many as the service takes at most."""


@dataclass
class Measured:
    """What the rounds have shown of a contender."""

    loads: dict[int, list[Load]] = field(default_factory=lambda: {number: [] for number in CONNECTIONS})
    megabytes: list[float] = field(default_factory=list)
    seconds_to_ready: list[float] = field(default_factory=list)
    seconds_to_first_prediction: list[float] = field(default_factory=list)

    def rate(self, connections: int) -> float:
        """Answers a second, the median of the rounds."""
        return statistics.median(load.rate for load in self.loads[connections])

    @property
    def peak(self) -> float:
        """The most answers a second, whatever the connections."""
        return max(self.rate(connections) for connections in self.loads)

    def percentile(self, connections: int, percent: float) -> float:
        """Milliseconds, the median of the rounds."""
        return statistics.median(load.percentile(percent) for load in self.loads[connections])

    def pooled_percentile(self, connections: int, percent: float) -> float:
        """Milliseconds, of all rounds' answers together: for percentiles that a single round has too few for."""
        return closed_loop.percentile(closed_loop.together(self.loads[connections]), percent) / 1000

    def errors(self, connections: int) -> int:
        """Of all rounds."""
        return sum(load.errors for load in self.loads[connections])


@dataclass
class Results:
    """What all rounds have shown."""

    servers: dict[str, Measured]
    limit: dict[int, list[float]]
    """Photos a second by the size of the batches."""

    @property
    def limit_rate(self) -> float:
        """Photos a second with no HTTP, with the batches that are the fastest."""
        return max(statistics.median(rates) for rates in self.limit.values())


def play(model: Path, forms: Forms, folder: Path, tell: Callable[[str], object]) -> Results:
    """All rounds. Raises BenchmarkError if a contender fails."""
    results = Results({one.key: Measured() for one in contenders.ALL}, {batch: [] for batch in _LIMIT_BATCHES})
    for number in range(1, ROUNDS + 1):
        for contender in contenders.ALL:
            tell(f"round {number} of {ROUNDS}: {contender.name}")
            with running(contender, model, forms, folder / f"round-{number}") as server:
                _measure(server, forms, results.servers[contender.key])
        tell(f"round {number} of {ROUNDS}: the limit")
        for batch, rates in results.limit.items():
            rates.append(limit(model, forms, batch))
    return results


def _measure(server: Server, forms: Forms, measured: Measured) -> None:
    measured.seconds_to_ready.append(server.seconds_to_ready)
    measured.seconds_to_first_prediction.append(server.seconds_to_first_prediction)
    closed_loop.run(server.url, forms, connections=_WARM_UP_CONNECTIONS, seconds=_WARM_UP_SECONDS)
    for connections in CONNECTIONS:
        server.wait_until_idle()
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(closed_loop.run, server.url, forms, connections=connections, seconds=SECONDS)
            if connections == MEMORY_AT:
                measured.megabytes.append(_memory_meanwhile(server, load.done))
            measured.loads[connections].append(load.result())


def _memory_meanwhile(server: Server, over: Callable[[], bool]) -> float:
    """The most memory that it has while it is loaded; looked at seldom, as looking takes time too."""
    time.sleep(SECONDS / 2)
    most = server.pss_megabytes()
    if not over():
        time.sleep(SECONDS / 4)
        most = max(most, server.pss_megabytes())
    return most


def limit(model: Path, forms: Forms, batch: int) -> float:
    """Photos a second of the service's own decoder and model with no HTTP."""
    command = [
        *(str(environments.python_of(environments.inference())), str(_LIMIT), str(model), str(forms.photos)),
        *(f"{SECONDS}", str(batch)),
    ]
    surroundings = {**os.environ, "PYTHONPATH": str(environments.INFERENCE), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise BenchmarkError(f"the limit can't be measured: {ended.stderr.strip().splitlines()[-1]}")
    return float(ended.stdout)
