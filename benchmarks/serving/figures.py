"""From what was measured to the report: the rows that the service is held to, and the raw figures beside them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from .closed_loop import percentile
from .contenders import ALL, OURS, PEER_SERVERS, PLAIN
from .open_loop import Offered
from .rounds import CONNECTIONS, Measured, Results

Figures = dict[str, float | int | str]

SEVENTY = 0.7


@dataclass(frozen=True)
class Wanted:
    """A figure that the service is held to."""

    key: str
    what: str
    bound: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value <= self.bound if self.at_most else value >= self.bound


_MANY = tuple(number for number in CONNECTIONS if number > 1)
_CROWDS = tuple(number for number in CONNECTIONS if number > 8)  # noqa: PLR2004 - where queues form

WANTED = (
    Wanted("rps_over_plain", "requests a second, plain API = 1", 20),
    *(Wanted(f"rps_over_best_peer_{n}", f"requests a second at {n} connections, best peer = 1", 1.15) for n in _MANY),
    Wanted("rps_over_best_peer_1", "requests a second at 1 connection, best peer = 1", 1.4),
    *(Wanted(f"p99_over_best_peer_{n}", f"p99 at {n} connections, best peer = 1", 0.6, True) for n in _CROWDS),
    Wanted("pss_mb_under_load", "memory (PSS) of all processes under load, MB", 180, True),
    *(
        Wanted(f"rps_over_limit_{n}", f"requests a second at {n} connections, limit with no HTTP = 1", 0.9)
        for n in _MANY
    ),
    Wanted("p99_at_70_percent_over_alone", "p99 at 70 % of the peak, one request alone = 1", 4, True),
    Wanted("overload_errors_but_503", "ten times the peak: errors but 503", 0, True),
    # Noise of the allocators is not growth; what a queue twice as long holds would be.
    Wanted("overload_pss_growth_mb", "ten times the peak: growth of memory (PSS), MB", 5, True),
    Wanted("overload_seconds_to_normal", "ten times the peak: seconds until back to normal", 1, True),
    Wanted("seconds_to_first_prediction", "start to first prediction, s", 1, True),
    Wanted("image_seconds_to_first_prediction", "the same from `docker run` on, s", 1, True),
    Wanted("image_mb_beyond_base", "image beyond its base, uncompressed, MB", 130, True),
)
"""What is asked of the service, by the keys of the report."""


def ratios(results: Results) -> Figures:
    """The service against the others."""
    ours, plain = results.servers[OURS.key], results.servers[PLAIN.key]
    peers = [results.servers[peer.key] for peer in PEER_SERVERS]
    found: Figures = {"rps_over_plain": ours.peak / plain.peak}
    for number in CONNECTIONS:
        found[f"rps_over_best_peer_{number}"] = ours.rate(number) / max(peer.rate(number) for peer in peers)
    for number in CONNECTIONS:
        best = min(peer.percentile(number, 99) for peer in peers)
        found[f"p99_over_best_peer_{number}"] = ours.percentile(number, 99) / best
    for number in CONNECTIONS:
        found[f"rps_over_limit_{number}"] = ours.rate(number) / results.limit_rate
    found["pss_mb_under_load"] = max(ours.megabytes)
    found["seconds_to_ready"] = statistics.median(ours.seconds_to_ready)
    found["seconds_to_first_prediction"] = statistics.median(ours.seconds_to_first_prediction)
    return {key: _rounded(value) for key, value in found.items()}


def at_seventy_percent(offered: Offered, measured: Measured) -> Figures:
    """How long requests take that come at 70 % of the peak, whether or not the ones before are answered."""
    alone = measured.percentile(1, 50)
    p99 = percentile(offered.latencies, 99) / 1000
    return {
        "p99_at_70_percent_over_alone": _rounded(p99 / alone),
        "p99_ms_at_70_percent": _rounded(p99),
        "p50_ms_at_70_percent": _rounded(percentile(offered.latencies, 50) / 1000),
        "ms_of_one_request_alone": _rounded(alone),
        "rps_offered_at_70_percent": _rounded(offered.rate),
        "errors_at_70_percent": offered.requests - offered.statuses[200],
    }


def raw(results: Results) -> Figures:
    """Everything that the rounds have shown, by contender."""
    found: Figures = {}
    for contender in ALL:
        measured = results.servers[contender.key]
        for number in CONNECTIONS:
            found |= {
                f"{contender.key}_rps_{number}": measured.rate(number),
                f"{contender.key}_p50_ms_{number}": measured.percentile(number, 50),
                f"{contender.key}_p99_ms_{number}": measured.percentile(number, 99),
                f"{contender.key}_p999_ms_{number}": measured.pooled_percentile(number, 99.9),
                f"{contender.key}_errors_{number}": measured.errors(number),
            }
        found |= {
            f"{contender.key}_pss_mb": max(measured.megabytes),
            f"{contender.key}_seconds_to_ready": statistics.median(measured.seconds_to_ready),
            f"{contender.key}_seconds_to_first_prediction": statistics.median(measured.seconds_to_first_prediction),
        }
    for batch, rates in results.limit.items():
        found[f"limit_photos_per_second_batch_{batch}"] = statistics.median(rates)
    found["limit_photos_per_second"] = results.limit_rate
    loads = [load for one in results.servers.values() for runs in one.loads.values() for load in runs]
    found["load_generator_most_percent_of_a_core"] = max(100 * load.generator_seconds / load.seconds for load in loads)
    return {key: _rounded(value) for key, value in found.items()}


def unmet(found: Mapping[str, float | int | str]) -> list[str]:
    """What falls short, a line each; what was not measured does too."""
    lines = []
    for wanted in WANTED:
        value = found.get(wanted.key)
        if not isinstance(value, int | float):
            lines.append(f"{wanted.what}: not measured")
        elif not wanted.met(value):
            lines.append(
                f"{wanted.what}: {value:g}, wanted {'at most' if wanted.at_most else 'at least'} {wanted.bound:g}"
            )
    return lines


def _rounded(value: float | int | str) -> float | int | str:
    return round(value, 3) if isinstance(value, float) else value
