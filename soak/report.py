"""Writes what a soak has shown: a flat object of figures for programs, and a table for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.table import Table

_ROOT = Path(__file__).parents[1]

Figures = dict[str, int | float | str]

_MISTAKES_SHOWN = 50


class Outcome(Protocol):
    """What came of a lane."""

    def mistakes(self) -> list[str]:
        """A line for each thing that was found wrong."""


def machine(*packages: str) -> Figures:
    """What the figures were measured on, with the versions of these packages."""
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{f"version_{name.replace('-', '_')}": version(name) for name in packages},
    }


def write(topic: str, found: Figures, header: str, *, full: bool, shared: bool = False) -> None:
    """Write the figures to `reports/<topic>.json`, and those of a soak at full size to `docs/<topic>-soak.md`.

    A file that is shared with others, such as a benchmark, keeps what they have written.
    """
    file = _ROOT / "reports" / f"{topic}.json"
    file.parent.mkdir(exist_ok=True)
    others: Figures = json.loads(file.read_text()) if shared and file.exists() else {}
    file.write_text(json.dumps(others | found, indent=2) + "\n")
    if full:
        (_ROOT / "docs" / f"{topic}-soak.md").write_text(page(found, header))


def page(found: Figures, header: str) -> str:
    """The documentation's page."""
    rows = "\n".join(f"| {key.replace('_', ' ')} | {value} |" for key, value in found.items())
    return f"{header}\n| | |\n|---|---|\n{rows}\n"


def show(title: str, found: Figures, console: Console) -> None:
    """Print the figures as a table."""
    table = Table(title, "", box=None)
    table.columns[1].justify = "right"
    for key, value in found.items():
        table.add_row(key.replace("_", " "), str(value))
    console.print(table)


def mistakes(outcomes: Iterable[Outcome], console: Console) -> list[str]:
    """What was found wrong, the first of it printed."""
    found = [line for outcome in outcomes for line in outcome.mistakes()]
    for line in found[:_MISTAKES_SHOWN]:
        console.print(f"wrong: {line}", style="red", markup=False)
    return found
