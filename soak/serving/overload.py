"""Ten times the peak for a minute: nothing but 200 and 503, no growth, and soon afterwards all is as ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving import closed_loop, contenders, model, overload, photos
from benchmarks.serving.server import running
from soak.report import Figures

FULL_SECONDS, SHORT_SECONDS = 60, 10
_PEAK_CONNECTIONS, _PEAK_SECONDS = 32, 10
_MOST_GROWTH = 10
"""10^6 bytes: what the allocators of Python and of the decoders keep may be more at one moment than at another."""
_MOST_SECONDS_TO_NORMAL = 1

HEADER = f"""
Then the service, with the model and the photos of `make bench TOPIC=serving`, is offered ten times what it was measured
to answer over {_PEAK_CONNECTIONS} connections, at a fixed rate. Any answer but 200 and 503, and any connection that
breaks, is a mistake; so are more than {_MOST_GROWTH} MB of memory (PSS) beyond what it has under a load that it can
just serve, and more than {_MOST_SECONDS_TO_NORMAL} s until a request alone is answered in normal time again.
"""


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    shown: overload.Overload
    seconds: int

    def mistakes(self) -> list[str]:
        """A line for each thing that was found wrong."""
        wrong = [
            f"{number} answers of status {status}" if status else f"{number} connections broke"
            for status, number in sorted(self.shown.errors.items())
        ]
        if wrong and (usual := self.shown.offered.errors.most_common(1)):
            wrong.append(f"most often: {usual[0][0]}")
        if (growth := self.shown.megabytes_most - self.shown.megabytes_before) > _MOST_GROWTH:
            wrong.append(f"memory grew by {growth:.0f} MB")
        if self.shown.seconds_to_normal > _MOST_SECONDS_TO_NORMAL:
            wrong.append(f"back to normal only after {self.shown.seconds_to_normal:.1f} s")
        return [f"overload: {line}" for line in wrong]

    def figures(self) -> Figures:
        """The figures, named as those of the short form in `make bench` but for their prefix."""
        return {
            "soak_overload_seconds": self.seconds,
            "soak_overload_peak_per_second": round(self.shown.peak, 1),
            **{f"soak_{key}": value for key, value in self.shown.figures().items()},
        }


def endure(folder: Path, *, seconds: int = FULL_SECONDS, tell: Callable[[str], object] = str) -> Outcome:
    """Offer it for so long. Raises BenchmarkError if the service does not start, or does not recover at all."""
    tell(f"ten times the peak for {seconds} s")
    forms = photos.write_forms(photos.sample(), folder / "sample")
    with running(contenders.OURS, model.folder(), forms, folder) as server:
        closed_loop.run(server.url, forms, connections=_PEAK_CONNECTIONS, seconds=2)
        peak = closed_loop.run(server.url, forms, connections=_PEAK_CONNECTIONS, seconds=_PEAK_SECONDS).rate
        server.wait_until_idle()
        shown = overload.endure(server, forms, folder / "overload", peak=peak, seconds=seconds)
    tell(f"{shown.times_offered:.1f} times were offered, {shown.offered.requests} requests")
    return Outcome(shown, seconds)
