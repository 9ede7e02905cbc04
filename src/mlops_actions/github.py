"""What a step tells its runner: outputs, summary, annotations, masks and groups.

On a laptop, where no runner listens, outputs and summaries go to no file, and annotations are plain lines.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from string import Template
from typing import Literal

Level = Literal["notice", "warning", "error"]


def on_runner() -> bool:
    """Whether a runner reads the workflow commands on standard output."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def debugging() -> bool:
    """Whether debug logging is on for this run."""
    return os.environ.get("RUNNER_DEBUG") == "1"


def annotate(
    level: Level, message: str, *, file: str | None = None, line: int | None = None, column: int | None = None
) -> None:
    """Show a message on the run's page, at a line of a file, and a column of that, if one is named."""
    if not on_runner():
        place = "".join(f"{part}: " for part in (_place(file, line), level) if part)
        print(f"{place}{message}", file=sys.stderr, flush=True)  # noqa: T201 - the terminal is who listens
        return
    properties = {
        "file": file,
        "line": str(line) if file and line else None,
        "col": str(column) if file and line and column else None,
    }
    given = ",".join(f"{key}={_escape_property(value)}" for key, value in properties.items() if value)
    _say(f"::{level}{' ' if given else ''}{given}::{_escape(message)}")


def mask(secret: str) -> None:
    """Keep a secret out of the log: the runner masks line by line, so each line is a secret of its own."""
    if not on_runner():
        return
    for line in secret.splitlines():
        if line.strip():
            _say(f"::add-mask::{_escape(line.strip())}")


@contextmanager
def group(title: str) -> Iterator[None]:
    """Fold the lines of the block under a title in the run's log."""
    if not on_runner():
        print(title, flush=True)  # noqa: T201
        yield
        return
    _say(f"::group::{_escape(title)}")
    try:
        yield
    finally:
        _say("::endgroup::")


@contextmanager
def untrusted_lines() -> Iterator[None]:
    """Let no line of a foreign log, such as a job's, be taken for a workflow command."""
    if not on_runner():
        yield
        return
    token = secrets.token_hex(16)
    _say(f"::stop-commands::{token}")
    try:
        yield
    finally:
        _say(f"::{token}::")


def set_outputs(outputs: Mapping[str, str]) -> None:
    """Hand outputs to the steps that follow; a value may have any number of lines and any content."""
    path = os.environ.get("GITHUB_OUTPUT")
    if not path:
        return
    with Path(path).open("a", encoding="utf-8") as file:
        for name, value in outputs.items():
            delimiter = f"end-{secrets.token_hex(16)}"
            file.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


def as_output(value: object) -> str:
    """A value as an output's text: JSON for what has a structure, true and false, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, sort_keys=isinstance(value, Mapping))
    return str(value)


def summarize(template: Path, values: Mapping[str, object]) -> None:
    """Add a Markdown template, filled in, to the step's summary."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    text = Template(template.read_text(encoding="utf-8")).substitute(values)
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text.rstrip("\n") + "\n\n")


def table_cell(value: object) -> str:
    """A value that stays in its cell of a Markdown table, and is no markup."""
    text = str(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(text.split())


def run_url() -> str | None:
    """Address of the workflow run that this step belongs to."""
    server, repository = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    run_id = os.environ.get("GITHUB_RUN_ID")
    return f"{server}/{repository}/actions/runs/{run_id}" if server and repository and run_id else None


def _say(command: str) -> None:
    print(command, flush=True)  # noqa: T201 - the runner reads commands from standard output


def _place(file: str | None, line: int | None) -> str:
    return "" if file is None else f"{file}:{line}" if line else file


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
