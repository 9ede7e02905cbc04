"""The commands `azureml-emulator fault add | list | clear | load`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from .. import lifecycle, settings
from ..lifecycle import EmulatorError
from . import files, validation
from .client import Control, ControlError
from .rules import Rule

app = App(name="fault", help="Bring about what goes wrong in Azure now and then: on a running emulator.")
_out = Console(soft_wrap=True, highlight=False)

Fault = Literal[
    "status", "reset", "slow", "refuse", "expired_token", "stuck_operation", "preempted_node", "allocation_failed"
]
_AIMS = ("route", "operation", "tunnel", "resource", "node", "compute")
_TIMING = ("count", "after", "probability", "seed")


def load(file: Path) -> list[Rule]:
    """The rules of a file. Raises EmulatorError with a line for each mistake."""
    try:
        return files.load(file)
    except validation.RuleError as error:
        raise EmulatorError(str(error)) from error


@contextmanager
def control(known: settings.Settings) -> Iterator[Control]:
    """The control of a running emulator; what goes wrong with it becomes EmulatorError."""
    try:
        yield Control(known)
    except ControlError as error:
        raise EmulatorError(str(error)) from error
    except OSError as error:
        raise EmulatorError(f"the emulator of {known.state} does not answer: {error}") from error


def _control(state: Path | None) -> Any:
    return control(lifecycle.running((state or settings.default_state()).resolve()))


@app.command
def add(
    fault: Fault,
    *,
    name: str | None = None,
    route: str | None = None,
    operation: str | None = None,
    tunnel: str | None = None,
    resource: str | None = None,
    node: str | None = None,
    compute: str | None = None,
    status: int | None = None,
    code: str | None = None,
    message: str | None = None,
    retry_after: float | None = None,
    seconds: float | None = None,
    performed: Annotated[bool | None, Parameter(negative=())] = None,
    after_bytes: int | None = None,
    count: int | None = None,
    after: int | None = None,
    probability: float | None = None,
    seed: int | None = None,
    state: Path | None = None,
) -> None:
    """Arm one more fault.

    Parameters
    ----------
    fault
        What is to happen.
    name
        What to call the rule; by default the fault's own name. One that is armed under this name is replaced.
    route
        Requests, as [METHOD] PATTERN: "PUT jobs/*", "computes/*/start"; * is a part of one segment, ** many segments.
    operation
        Requests, or a long-running operation, by name: "compute start", "job submit", "job *".
    tunnel
        Tunnels, by a pattern of the host: "*.blob.core.windows.net".
    resource
        The resource that a stuck operation works on, by a pattern of its name.
    node
        Nodes of pipelines, by a pattern of the name.
    compute
        Computes, by a pattern of the name.
    status
        The status to answer, 400 to 599.
    code
        The error's code; by default Azure's own for it.
    message
        The error's message.
    retry_after
        Seconds for the header Retry-After.
    seconds
        How long an answer waits, an operation is stuck, a node runs before it is preempted, or is queued.
    performed
        The request is performed all the same, and only its answer is lost.
    after_bytes
        A tunnel is reset once the client has sent so much.
    count
        Strike so often at most.
    after
        Let so many pass first.
    probability
        Strike with this probability, the same again for the same seed.
    seed
        The seed.
    state
        The emulator's folder.

    """
    given = {key: value for key, value in locals().items() if key not in {"state", "fault"} and value is not None}
    try:
        rule = validation.read({"fault": fault, **given}, name=fault)
    except validation.RuleError as error:
        raise EmulatorError(str(error)) from error
    with _control(state) as armory:
        armory.arm([rule])
    _out.print(f"armed: {rule.name}", markup=False)


@app.command(name="load")
def load_file(file: Path, *, state: Path | None = None) -> None:
    """Arm the rules of a YAML file instead of all that are armed.

    Parameters
    ----------
    file
        A list of rules.
    state
        The emulator's folder.

    """
    found = load(file)
    with _control(state) as armory:
        armory.arm(found, instead=True)
    _out.print(f"armed: {', '.join(rule.name for rule in found) or 'nothing'}", markup=False)


@app.command
def clear(name: str | None = None, *, state: Path | None = None) -> None:
    """Clear an armed fault, or all of them; operations that it holds go on.

    Parameters
    ----------
    name
        The rule's name; without one, all are cleared.
    state
        The emulator's folder.

    """
    with _control(state) as armory:
        cleared = armory.clear(name)
    _out.print(f"cleared: {', '.join(cleared) or 'nothing'}", markup=False)


@app.command(name="list")
def list_armed(*, state: Path | None = None, as_json: Annotated[bool, Parameter(name="--json")] = False) -> None:
    """Print the armed faults, and how often each was looked at and has struck.

    Parameters
    ----------
    state
        The emulator's folder.
    as_json
        As a JSON list.

    """
    with _control(state) as armory:
        armed: list[dict[str, Any]] = armory.listed()
    if as_json:
        print(json.dumps(armed))  # noqa: T201 - for programs: not to be wrapped or coloured
        return
    if not armed:
        _out.print("no fault is armed")
        return
    table = Table("name", "fault", "aimed at", "when", "seen", "hits", box=None)
    for one in armed:
        hits = f"{one['hits']} (spent)" if one["spent"] else str(one["hits"])
        table.add_row(one["name"], _told(one), _pairs(one, _AIMS), _pairs(one, _TIMING), str(one["seen"]), hits)
    _out.print(table, markup=False)


def _pairs(armed: dict[str, Any], keys: tuple[str, ...]) -> str:
    return ", ".join(f"{key} {armed[key]}" for key in keys if key in armed)


def _told(armed: dict[str, Any]) -> str:
    apart = {"name", "fault", "seen", "hits", "spent", "message", *_AIMS, *_TIMING}
    more = _pairs(armed, tuple(key for key in armed if key not in apart))
    return f"{armed['fault']} ({more})" if more else str(armed["fault"])
