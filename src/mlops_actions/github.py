"""What a step tells its runner: outputs, summary, annotations, masks and groups.

On a laptop, where no runner listens, outputs and summaries go to no file, and annotations are plain lines.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from string import Template
from typing import Literal, TextIO, cast

from mlops_actions import markdown, masking
from mlops_actions.guarded_output import GuardedStream, guard_of_stdout, guarded_output, visible

Level = Literal["notice", "warning", "error"]

table_cell = markdown.table_cell

_LONGEST_MESSAGE = 4000
# A longer summary is refused as a whole: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
_LARGEST_SUMMARY = 1024 * 1024
_CUT = "\n\n(The rest is left out: a summary has no more than 1 MiB.)\n"


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
    message = markdown.shortened(visible(masking.without_secrets(message)), _LONGEST_MESSAGE)
    if not on_runner():
        place = "".join(f"{part}: " for part in (_place(file, line), level) if part)
        print(f"{place}{message}", file=sys.stderr, flush=True)  # noqa: T201 - the terminal is who listens
        return
    properties = {
        "file": file and visible(file[:_LONGEST_MESSAGE]),
        "line": str(line) if file and line else None,
        "col": str(column) if file and line and column else None,
    }
    given = ",".join(f"{key}={_escape_property(value)}" for key, value in properties.items() if value)
    _say(f"::{level}{' ' if given else ''}{given}::{_escape(message)}")


def mask(secret: str) -> None:
    """Keep a secret out of the log, summaries and outputs, also as base64, URLs, JSON and XML have it."""
    found = masking.remember(secret)
    if on_runner():
        for form in found:
            _say(f"::add-mask::{_escape(form)}")


@contextmanager
def group(title: str) -> Iterator[None]:
    """Fold the lines of the block under a title in the run's log."""
    title = markdown.shortened(visible(masking.without_secrets(title)), _LONGEST_MESSAGE)
    if not on_runner():
        progress(title)
        yield
        return
    _say(f"::group::{_escape(title)}")
    try:
        yield
    finally:
        _say("::endgroup::")


@contextmanager
def untrusted_lines() -> Iterator[None]:
    """Let no line of a foreign log, such as a job's, be taken for a workflow command, or control a terminal."""
    former = sys.stdout
    guard = guard_of_stdout() or GuardedStream(former, runner=False)
    token = secrets.token_hex(16) if on_runner() else None
    if token:
        _say(f"::stop-commands::{token}")
    # What is not obeyed may be shown as it is.
    guard.stopped, sys.stdout = True, cast(TextIO, guard)
    try:
        yield
    finally:
        guard.finish()
        guard.stopped, sys.stdout = False, former
        if token:
            _say(f"::{token}::")


def guarded() -> AbstractContextManager[None]:
    """Guard all that the block prints on a runner. A terminal is for its owner's programs to draw on."""
    return guarded_output(runner=True) if on_runner() else nullcontext()


def set_outputs(outputs: Mapping[str, str]) -> None:
    """Hand outputs to the steps that follow; a value may have any number of lines and any content but secrets.

    A NUL is replaced: no variable of a step's environment can have one.
    """
    path = os.environ.get("GITHUB_OUTPUT")
    if not path:
        return
    with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as file:
        for name, value in outputs.items():
            delimiter = f"end-{secrets.token_hex(16)}"
            text = masking.without_secrets(value).replace("\0", "\ufffd")
            file.write(f"{name}<<{delimiter}\n{text}\n{delimiter}\n")


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
    written = (masking.without_secrets(text).rstrip("\n") + "\n\n").encode(errors="backslashreplace")
    with Path(path).open("ab") as file:
        room = _LARGEST_SUMMARY - file.tell()
        if len(written) > room:
            if room < 2 * len(_CUT):  # it was cut before
                return
            written = written[: room - len(_CUT)].decode(errors="ignore").encode() + _CUT.encode()
        file.write(written)


def progress(line: str) -> None:
    """Show a line of progress, which is what a command's standard output is for: whole, whichever thread says it."""
    print(f"{line}\n", end="", flush=True)  # noqa: T201


def run_url() -> str | None:
    """Address of the workflow run that this step belongs to."""
    server, repository = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    run_id = os.environ.get("GITHUB_RUN_ID")
    return f"{server}/{repository}/actions/runs/{run_id}" if server and repository and run_id else None


def _say(command: str) -> None:
    if (guard := guard_of_stdout()) is not None:
        guard.command(command)
    else:
        print(command, flush=True)  # noqa: T201 - the runner reads commands from standard output


def _place(file: str | None, line: int | None) -> str:
    return "" if file is None else f"{file}:{line}" if line else file


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
