"""What a doctor shows on a terminal, in a log and on a runner."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from mlops_actions.doctor.examination import examine
from mlops_actions.doctor.findings import Check, Examined, Finding, ok, skipped, warning, wrong
from mlops_actions.doctor.presentation import as_json, is_well, show
from mlops_actions.doctor.surroundings import Surroundings

FINDINGS = {
    "token": ok("application app"),
    "compute": warning("it is [red]Stopped[/red]", "start it"),
    "push": wrong("refused", "docker login " + "long " * 40),
    "cluster": skipped("no cluster is named"),
}


def examined() -> list[Examined]:
    def check(name: str, finding: Finding) -> Check:
        return Check(name, "tools", lambda _: finding)

    return list(examine([check(*item) for item in FINDINGS.items()], Surroundings(), 5))


def shown(*, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    text = io.StringIO()
    show(examined(), Console(file=text, force_terminal=terminal, width=60, soft_wrap=True, no_color=True))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_a_terminal_gets_marks_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    # The spinner and styles come as escapes, which are looked past.
    text = "\n".join(shown(terminal=True, monkeypatch=monkeypatch))
    for part in ("✓", "application app", "!", "it is [red]Stopped[/red]", "✗", "→ start it", "no cluster is named"):
        assert part in text
    assert "4 checks: 1 ok, 1 to note, 1 wrong, 1 skipped" in text


def test_a_log_gets_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(terminal=False, monkeypatch=monkeypatch) == [
        "ok       token: application app",
        "warning  compute: it is [red]Stopped[/red] -- to mend it: start it",
        f"wrong    push: refused -- to mend it: docker login {'long ' * 40}".rstrip(),
        "skipped  cluster: no cluster is named",
        "4 checks: 1 ok, 1 to note, 1 wrong, 1 skipped",
    ]


def test_a_runner_gets_annotations(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    show(examined(), Console(soft_wrap=True))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok       token: application app"
    assert lines[1].startswith("::warning::compute: it is ")
    assert lines[2].startswith("::error::push: refused -- to mend it: docker login")


def test_a_program_gets_json() -> None:
    told = json.loads(as_json(examined()))
    assert told["well"] is False
    assert [(check["name"], check["status"]) for check in told["checks"]] == [
        (name, finding.status) for name, finding in FINDINGS.items()
    ]
    assert is_well([one for one in examined() if one.check.name != "push"])
