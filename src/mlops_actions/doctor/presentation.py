"""Shows what a doctor found: marks and colours on a terminal, plain lines in a log, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext

from rich.console import Console
from rich.text import Text

from mlops_actions import github
from mlops_actions.doctor.findings import Examined, Status

_MARKS: dict[Status, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "wrong": ("✗", "bold red"),
    "skipped": ("-", "dim"),
}


def show(examined: Iterable[Examined], console: Console) -> list[Examined]:
    """Show each check as soon as it is done, and in the end how many are wrong; all of them."""
    done: list[Examined] = []
    waiting = console.status("looking …") if console.is_terminal else nullcontext()
    with waiting:
        for one in examined:
            done.append(one)
            if console.is_terminal:
                _on_terminal(one, console)
            else:
                _in_log(one, console)
    console.print(conclusion(done), soft_wrap=True, markup=False, highlight=False)
    return done


def _on_terminal(one: Examined, console: Console) -> None:
    mark, style = _MARKS[one.finding.status]
    line = Text.assemble((mark, style), " ", (f"{one.check.name:15}", "bold"), " ", _one_line(one.finding.found))
    if one.finding.status == "skipped":
        line.stylize("dim")
    console.print(line, soft_wrap=True)
    if one.finding.fix:
        console.print(Text(f"  {'':15}  → {_one_line(one.finding.fix)}", style="cyan"), soft_wrap=True)


def _in_log(one: Examined, console: Console) -> None:
    finding = one.finding
    fix = f" -- to mend it: {_one_line(finding.fix)}" if finding.fix else ""
    text = f"{one.check.name}: {_one_line(finding.found)}{fix}"
    if github.on_runner() and finding.status in ("warning", "wrong"):
        github.annotate("warning" if finding.status == "warning" else "error", text)
    else:
        console.print(f"{finding.status:8} {text}", soft_wrap=True, markup=False, highlight=False)


def conclusion(done: Sequence[Examined]) -> str:
    """How many checks there were, and how they came out."""
    count = {status: sum(one.finding.status == status for one in done) for status in _MARKS}
    told = f"{len(done)} checks: {count['ok']} ok, {count['warning']} to note, {count['wrong']} wrong"
    return f"{told}, {count['skipped']} skipped"


def as_json(done: Sequence[Examined]) -> str:
    """All findings as one JSON object, for another program."""
    checks = [
        {
            "name": one.check.name,
            "area": one.check.area,
            "status": one.finding.status,
            "found": one.finding.found,
            "fix": one.finding.fix,
            "seconds": round(one.seconds, 3),
        }
        for one in done
    ]
    return json.dumps({"well": is_well(done), "checks": checks}, indent=2, ensure_ascii=False)


def is_well(done: Sequence[Examined]) -> bool:
    """Whether nothing is wrong."""
    return not any(one.finding.status == "wrong" for one in done)


def _one_line(text: str) -> str:
    return " ".join(text.split())
