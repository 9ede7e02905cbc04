"""Writes what was measured: a flat object of figures for programs, and a table in the documentation for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "reports"
_ALONE = ("preparation", "training")
"""Topics of which there is no soak: the report needs no name beside it."""


class BenchmarkError(Exception):
    """Something a person can mend; the text is one line."""


@dataclass(frozen=True)
class Row:
    """One figure: its key in the report, what it is, the value with its unit, and what it is held against."""

    key: str
    name: str
    value: float
    unit: str
    reference: float | None = None
    reference_name: str = ""

    @property
    def ratio(self) -> float | None:
        """The value over the reference."""
        return self.value / self.reference if self.reference else None


def machine() -> str:
    """What the figures were measured on: the cores of this process, the kernel, Python."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def write(topic: str, title: str, rows: Sequence[Row], *, versions: Mapping[str, str]) -> None:
    """Write the figures to `reports/` and the table to `docs/<topic>-bench.md`, and print it."""
    REPORTS.mkdir(exist_ok=True)
    named = {f"version_{name}".replace("-", "_"): text for name, text in versions.items()}
    figures: dict[str, object] = {"machine": machine(), **named}
    for row in rows:
        figures[row.key] = _rounded(row.value)
        if row.ratio is not None:
            figures[f"{row.key}_ratio"] = _rounded(row.ratio)
    name = f"{topic}.json" if topic in _ALONE else f"{topic}-bench.json"
    (REPORTS / name).write_text(json.dumps(figures, indent=2) + "\n")
    (ROOT / "docs" / f"{topic}-bench.md").write_text(_page(title, rows, versions))
    table = Table(title=title)
    for column in ("Figure", "Measured", "Against", "Ratio"):
        table.add_column(column)
    for row in rows:
        table.add_row(*_cells(row))
    Console().print(table)


def _rounded(value: float) -> float:
    """To five digits, however small it is."""
    return float(f"{value:.5g}")


def merge(topic: str, figures: Mapping[str, float | int | str], *, others: tuple[str, ...]) -> None:
    """Write `reports/<topic>.json`, which keeps what others write there: the figures whose keys begin with these."""
    file = REPORTS / f"{topic}.json"
    REPORTS.mkdir(exist_ok=True)
    known = json.loads(file.read_text()) if file.exists() else {}
    kept = {key: value for key, value in known.items() if key.startswith(others)}
    file.write_text(json.dumps({**figures, **kept}, indent=2) + "\n")


def _cells(row: Row) -> tuple[str, str, str, str]:
    against = "" if row.reference is None else f"{row.reference:g} {row.unit} ({row.reference_name})"
    return row.name, f"{row.value:.3g} {row.unit}".strip(), against, "" if row.ratio is None else f"{row.ratio:.2f}"


def _page(title: str, rows: Sequence[Row], versions: Mapping[str, str]) -> str:
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [f"# {title}", "", f"Written by `make bench` on {machine()}; {named}.", ""]
    lines += ["| Figure | Measured | Against | Ratio |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    return "\n".join(lines) + "\n"
