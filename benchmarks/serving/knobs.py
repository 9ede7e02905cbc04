"""What the peers' documentation advises to turn, tried: `python -m benchmarks.serving.knobs` writes its own page.

The contenders of the benchmark are set up as this finds best. It is run by hand when a peer's version changes.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from ..report import ROOT, BenchmarkError, machine
from . import closed_loop, model, photos
from .contenders import BENTOML, CORES, LITSERVE, MLSERVER, Contender
from .photos import Forms
from .server import running

_ROUNDS = 2
_SECONDS = 3
_CONNECTIONS = (8, 32)


@dataclass
class Variant:
    """A contender with other settings, and what came of it, by connections."""

    contender: Contender
    what: str
    variables: dict[str, str] = field(default_factory=dict)
    rates: dict[int, list[float]] = field(default_factory=lambda: {number: [] for number in _CONNECTIONS})
    p99: dict[int, list[float]] = field(default_factory=lambda: {number: [] for number in _CONNECTIONS})


def _variants() -> list[Variant]:
    batch = {"BATCH": "8", "BATCH_SECONDS": "0.005"}
    return [
        Variant(LITSERVE, "as it is measured"),
        Variant(LITSERVE, "fast_queue (ZeroMQ)", {"FAST_QUEUE": "1"}),
        Variant(LITSERVE, "one API server", {"API_SERVERS": "1"}),
        Variant(LITSERVE, "as it is measured in batches: of 8, 5 ms", batch),
        Variant(BENTOML, "as many workers as cores, as advised", {"WORKERS": str(CORES)}),
        Variant(BENTOML, "as it is measured: a worker more"),
        Variant(BENTOML, "adaptive batching of 8, as many workers as cores", {"BATCH": "8", "WORKERS": str(CORES)}),
        Variant(MLSERVER, "as it is measured"),
        Variant(MLSERVER, "no gzip", {"MLSERVER_GZIP_ENABLED": "false"}),
        Variant(MLSERVER, "one worker", {"MLSERVER_PARALLEL_WORKERS": "1"}),
        Variant(MLSERVER, "no workers", {"MLSERVER_PARALLEL_WORKERS": "0"}),
    ]


def main() -> int:
    """Try all, in rounds, and write `docs/serving-knobs.md`."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    variants = _variants()
    with tempfile.TemporaryDirectory(prefix="serving-knobs-") as name:
        forms = photos.write_forms(photos.sample(), Path(name) / "sample")
        for number in range(_ROUNDS):
            for index, variant in enumerate(variants):
                console.print(f"round {number + 1} of {_ROUNDS}: {variant.contender.name}, {variant.what}")
                _measure(variant, forms, Path(name) / f"{number}-{index}")
    (ROOT / "docs" / "serving-knobs.md").write_text(page(variants))
    return 0


def _measure(variant: Variant, forms: Forms, folder: Path) -> None:
    contender = dataclasses.replace(variant.contender, variables={**variant.contender.variables, **variant.variables})
    with running(contender, model.folder(), forms, folder) as server:
        closed_loop.run(server.url, forms, connections=8, seconds=1)
        for connections in _CONNECTIONS:
            server.wait_until_idle()
            load = closed_loop.run(server.url, forms, connections=connections, seconds=_SECONDS)
            if load.errors:
                raise BenchmarkError(f"{contender.name}, {variant.what}: {load.errors} errors")
            variant.rates[connections].append(load.rate)
            variant.p99[connections].append(load.percentile(99))


def page(variants: list[Variant]) -> str:
    """The page, in Markdown: the median of the rounds."""
    lines = [
        "# What the peers' settings make of them",
        "",
        f"Written by `python -m benchmarks.serving.knobs` on {machine()}.",
        f"{_ROUNDS} rounds of {_SECONDS} s, all settings in turn; requests a second / p99 in ms, by connections.",
        "`make bench TOPIC=serving` measures the best of each.",
        "",
        f"| | | {' | '.join(map(str, _CONNECTIONS))} |",
        f"|---|---|{'---|' * len(_CONNECTIONS)}",
    ]
    for one in variants:
        cells = (
            f"{statistics.median(one.rates[number]):.0f} / {statistics.median(one.p99[number]):.0f}"
            for number in _CONNECTIONS
        )
        lines.append(f"| {one.contender.name} | {one.what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
