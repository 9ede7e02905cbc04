"""A closed loop by wrk: so many connections, each of which sends its next request once it has the last one's answer."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..report import BenchmarkError
from .photos import Forms

_SCRIPT = Path(__file__).with_name("wrk.lua")
_TIMEOUT_SECONDS = 30
_OK = 200


@dataclass(frozen=True)
class Load:
    """What came of one run."""

    seconds: float
    statuses: Counter[int]
    socket_errors: int
    latencies: Counter[int]
    """How many answers took so many microseconds."""
    generator_seconds: float = 0.0
    """CPU time of the load generator itself."""

    @property
    def rate(self) -> float:
        """Answers with status 200 a second."""
        return self.statuses[_OK] / self.seconds

    @property
    def errors(self) -> int:
        """Answers of any other status, and connections that broke."""
        return self.statuses.total() - self.statuses[_OK] + self.socket_errors

    def percentile(self, percent: float) -> float:
        """Milliseconds within which so many percent of the answers came, by nearest rank."""
        return percentile(self.latencies, percent) / 1000


def run(url: str, forms: Forms, *, connections: int, seconds: int) -> Load:
    """Load a server. Raises BenchmarkError if wrk tells nothing."""
    command = [
        *("wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"),
        *("--timeout", f"{_TIMEOUT_SECONDS}s", "--script", str(_SCRIPT), url, "--"),
        *(str(forms.folder), str(forms.count), forms.content_type),
    ]
    before = os.times()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return parse(ended.stdout, connections, used, ended.stderr)


def parse(output: str, connections: int, generator_seconds: float = 0.0, complaint: str = "") -> Load:
    """What wrk.lua has written. Raises BenchmarkError if it is not there."""
    found = re.search(r"^wrk-result (.*)$", output, re.MULTILINE)
    if found is None:
        raise BenchmarkError(f"wrk told no result: {(complaint or output).strip()[-300:]}")
    told = json.loads(found[1])
    rounds = told["requests"] // connections
    histogram = Counter({int(value): int(number) for value, number in told["histogram"]})
    return Load(
        seconds=told["microseconds"] / 1e6,
        statuses=Counter({int(status): number for status, number in told["statuses"].items()}),
        socket_errors=sum(told[kind] for kind in ("connect", "read", "write", "timeout")),
        latencies=measured(histogram, told["microseconds"] // rounds) if rounds else histogram,
        generator_seconds=generator_seconds,
    )


def measured(corrected: Counter[int], expected: int) -> Counter[int]:
    """The latencies that were measured, of those that wrk tells.

    wrk adds for each latency of more than twice the `expected` one those that would have been measured had requests
    been sent all the while (`stats_correct` in its wrk.c). In a closed loop nobody has sent them, so what was added is
    taken away again, from the greatest latency on.
    """
    left = Counter(corrected)
    for value in sorted(corrected, reverse=True):
        if value < 2 * expected:
            break
        for added in range(value - expected, expected, -expected):
            left[added] -= left[value]
    return +left


def percentile(histogram: Counter[int], percent: float) -> int:
    """The value that so many percent of all do not exceed, by nearest rank; 0 of none."""
    wanted, seen = math.ceil(histogram.total() * percent / 100), 0
    for value in sorted(histogram):
        seen += histogram[value]
        if seen >= wanted:
            return value
    return 0


def together(loads: Iterable[Load]) -> Counter[int]:
    """All latencies of several runs."""
    return sum((load.latencies for load in loads), Counter())


def version() -> str:
    """The version of wrk. Raises BenchmarkError if there is none."""
    if shutil.which("wrk") is None:
        raise BenchmarkError("wrk is not installed: run `make setup`")
    told = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout
    return told.split()[1]
