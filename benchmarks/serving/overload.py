"""Ten times what the service can answer: all but 503 counts as an error, memory must not grow, and it must recover."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from ..report import BenchmarkError
from . import closed_loop, open_loop
from .photos import Forms
from .server import Server

TIMES = 10
WORKERS = 2000
"""Connections at most; the generator opens another whenever all it has wait for an answer."""
_OK, _TURNED_DOWN = 200, 503
_EVERY_SECONDS = 1.0
_AFTERWARDS_SECONDS = 30
_NORMAL = 2.0
"""Times of the slowest of some requests alone beforehand, within which a request alone is answered in normal time."""
_ALONE = 100
_FULL_CONNECTIONS = 128


@dataclass(frozen=True)
class Overload:
    """What an overload has shown; memory is PSS in 10^6 bytes."""

    peak: float
    """Answers a second that it was measured to give at most."""
    offered: open_loop.Offered
    megabytes_before: float
    megabytes_most: float
    megabytes_after: float
    seconds_to_normal: float
    """From the last request of the load until a request alone has been answered in normal time."""

    @property
    def errors(self) -> Counter[int]:
        """Answers by status, of those that are neither 200 nor 503; 0 is a connection that failed."""
        return Counter({s: n for s, n in self.offered.statuses.items() if s not in {_OK, _TURNED_DOWN}})

    @property
    def times_offered(self) -> float:
        """What was really offered, the peak = 1."""
        return self.offered.rate / self.peak

    def figures(self) -> dict[str, float | int]:
        """As the report has them."""
        return {
            "overload_times_peak_offered": round(self.times_offered, 2),
            "overload_requests": self.offered.requests,
            "overload_answered_200": self.offered.statuses[_OK],
            "overload_answered_503": self.offered.statuses[_TURNED_DOWN],
            "overload_errors_but_503": self.errors.total(),
            "overload_answered_200_per_second": round(
                self.offered.statuses[_OK] / (self.offered.last - self.offered.first), 1
            ),
            "overload_p99_ms_of_200": round(closed_loop.percentile(self.offered.latencies, 99) / 1000, 1),
            "overload_pss_mb_before": round(self.megabytes_before, 1),
            "overload_pss_mb_most": round(self.megabytes_most, 1),
            "overload_pss_mb_after": round(self.megabytes_after, 1),
            "overload_pss_growth_mb": round(self.megabytes_most - self.megabytes_before, 1),
            "overload_seconds_to_normal": round(self.seconds_to_normal, 3),
        }


def endure(server: Server, forms: Forms, folder: Path, *, peak: float, seconds: int) -> Overload:
    """Offer ten times the peak for so long. Raises BenchmarkError if it does not come back to normal."""
    folder.mkdir(parents=True, exist_ok=True)
    normal = _NORMAL * max(server.ask(forms, number % forms.count) for number in range(_ALONE))
    # Memory is what it is under a load that it can just serve: what comes on top of that is growth.
    closed_loop.run(server.url, forms, connections=_FULL_CONNECTIONS, seconds=min(seconds, 10))
    before = server.pss_megabytes()
    stop = Event()
    with ThreadPoolExecutor(2) as pool:
        memory = pool.submit(_watch, server, stop)
        probes = pool.submit(_probe, server, forms, stop)
        try:
            with open_loop.offering(
                server.url, forms, folder, rate=TIMES * peak, seconds=seconds, workers=WORKERS
            ) as load:
                load.wait(seconds + _AFTERWARDS_SECONDS)
            time.sleep(_EVERY_SECONDS)
            server.wait_until_idle(but=0.5)
        finally:
            stop.set()
        most = max(before, memory.result())
        asked = probes.result()
    offered = open_loop.results(folder)
    return Overload(peak, offered, before, most, server.pss_megabytes(), back_to_normal(asked, offered.last, normal))


@dataclass(frozen=True)
class Probe:
    """A request alone: when it was answered, in seconds since the epoch, and how soon; None if it was turned down."""

    answered: float
    seconds: float | None


def back_to_normal(probes: list[Probe], last: float, normal: float) -> float:
    """Seconds from the last request of the load to the first answer in normal time to one that was sent after it."""
    for probe in probes:
        if probe.seconds is not None and probe.answered - probe.seconds >= last and probe.seconds <= normal:
            return probe.answered - last
    raise BenchmarkError(f"no request alone was answered within {normal * 1000:.0f} ms after the overload")


def _probe(server: Server, forms: Forms, stop: Event) -> list[Probe]:
    probes: list[Probe] = []
    while not stop.is_set():
        seconds = None
        with suppress(BenchmarkError, http.client.HTTPException):
            seconds = server.ask(forms, len(probes) % forms.count)
        probes.append(Probe(time.time(), seconds))
        stop.wait(0.02)
    return probes


def _watch(server: Server, stop: Event) -> float:
    """The most memory that it had."""
    most = 0.0
    while not stop.is_set():
        most = max(most, server.pss_megabytes())
        stop.wait(_EVERY_SECONDS)
    return most
