"""The service against what a team would use instead of it, and against the machine's limit; see `measure`."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from rich.console import Console

from ..report import ROOT, machine, merge
from . import (
    closed_loop,
    contenders,
    environments,
    figures,
    image_size,
    model,
    open_loop,
    overload,
    page,
    photos,
    rounds,
    runtimes,
)
from .server import running

_SEVENTY_PERCENT_SECONDS = 10
_OVERLOAD_SECONDS = 10


def measure() -> None:
    """Measure all contenders, and write `reports/serving.json` and `docs/serving-bench.md`.

    Raises BenchmarkError if one does not start or breaks a request that it gets alone; the logs are kept then.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False)
    versions = _versions(console)
    folder = Path(tempfile.mkdtemp(prefix="serving-bench-"))
    sample = photos.sample()
    forms = photos.write_forms(sample, folder / "sample")
    weights = model.folder()
    console.print("ONNX Runtime against LiteRT")
    raced = runtimes.compare(weights)
    image = image_size.figures(weights, forms, console.print)
    results = rounds.play(weights, forms, folder, console.print)
    ours = results.servers[contenders.OURS.key]
    console.print("the service at 70 % of its peak, and at ten times of it")
    with running(contenders.OURS, weights, forms, folder / "open-loop") as server:
        closed_loop.run(server.url, forms, connections=8, seconds=2)
        steady = open_loop.offer(
            server.url,
            forms,
            folder / "seventy",
            rate=figures.SEVENTY * ours.peak,
            seconds=_SEVENTY_PERCENT_SECONDS,
        )
        server.wait_until_idle()
        crowded = overload.endure(server, forms, folder / "overload", peak=ours.peak, seconds=_OVERLOAD_SECONDS)
    found: figures.Figures = {
        "machine": machine(),
        **{_key(name): text for name, text in versions.items()},
        "photos": sample.described,
        "model_parameters": int((weights / "parameters").read_text()),
        **figures.ratios(results),
        **figures.at_seventy_percent(steady, ours),
        **crowded.figures(),
        **image,
        **raced,
        **figures.raw(results),
        **{
            f"{one.key}_installed_mb": round(environments.installed_megabytes(one.environment()), 1)
            for one in contenders.ALL
        },
    }
    merge("serving", found, others=("soak_", "uploads_"))
    (ROOT / "docs" / "serving-bench.md").write_text(page.text(found, versions, photos=sample.described))
    for line in figures.unmet(found):
        console.print(f"short of what is wanted: {line}")
    shutil.rmtree(folder)


def _versions(console: Console) -> dict[str, str]:
    """The versions of everything, whose environments are made first. Raises BenchmarkError if one can't be."""
    named = {"wrk": closed_loop.version(), "vegeta": open_loop.version()}
    open_loop.program()
    for one in contenders.ALL:
        console.print(f"environment of {one.name}")
        environment = one.environment()
        for package in one.packages:
            named[package if one is not contenders.OURS else f"{package} (ours)"] = environments.version(
                environment, package
            )
    return named


def _key(name: str) -> str:
    """The report's key of a version."""
    return "_".join(["version", *re.findall(r"[a-z0-9]+", name.lower())])
