"""The command `azureml-emulator`: up, exec, env, status, coverage, fault, reset, down."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter, validators
from rich.console import Console

from . import azurite, coverage, lifecycle, settings
from .faults import commands
from .lifecycle import EmulatorError

app = App(name="azureml-emulator", help="Azure Machine Learning on your machine, for the unmodified SDK.")
app.command(commands.app)
out = Console(soft_wrap=True, highlight=False)
_PIPE_WIDTH = 400


def _state(state: Path | None) -> Path:
    return (state or settings.default_state()).resolve()


def _running(state: Path | None) -> settings.Settings:
    return lifecycle.running(_state(state))


@app.command
def up(
    *,
    state: Path | None = None,
    time_scale: Annotated[float | None, Parameter(validator=validators.Number(gte=0))] = None,
    token_lifetime: Annotated[float | None, Parameter(validator=validators.Number(gte=1))] = None,
    faults: Path | None = None,
    executor: Literal["auto", "docker", "venv"] | None = None,
    curated: Annotated[Path | None, Parameter(env_var="AZUREML_EMULATOR_CURATED")] = None,
) -> None:
    """Start the emulator and return when it is ready.

    Parameters
    ----------
    state
        The folder that it keeps everything in; by default $AZUREML_EMULATOR_STATE, or one of the user's own.
    time_scale
        Multiplies the time that operations on computes take, which is about a second; it is kept in the state folder.
    token_lifetime
        Seconds that an access token is good for, 3600 unless given; it is kept in the state folder.
    faults
        A YAML file of faults to arm, instead of those that are armed.
    executor
        How jobs run: in virtual environments, and by Docker only what needs it (auto, unless given); all by Docker; or
        none by Docker (venv). It is kept in the state folder.
    curated
        A YAML file of environments that come before the emulator's own curated ones; it is copied to the state folder.

    """
    rules = None if faults is None else commands.load(faults)
    if not azurite.is_installed():
        out.print("installing Azurite, which is kept for the next time (about 200 MB)")
    known = lifecycle.up(_state(state), time_scale, token_lifetime, rules, executor=executor, curated=curated)
    out.print(f"ready: workspace {known.workspace} in resource group {known.resource_group}, state in {known.state}")
    out.print("azureml-emulator exec -- COMMAND runs a command with it")
    _print_page(known)


@app.command(name="exec")
def run(*command: Annotated[str, Parameter(allow_leading_hyphen=True)], state: Path | None = None) -> None:
    """Run a command (python, az, mlops …) that talks to this emulator instead of Azure.

    Parameters
    ----------
    command
        The command and its arguments, after `--`.
    state
        The emulator's folder.

    """
    if not command:
        raise EmulatorError("there is no command: azureml-emulator exec -- COMMAND [ARGUMENT ...]")
    lifecycle.replace(_running(state), list(command))


@app.command
def env(*, state: Path | None = None, as_json: Annotated[bool, Parameter(name="--json")] = False) -> None:
    """Print the variables that `exec` sets, as shell exports. They hold the emulator's own secrets.

    Parameters
    ----------
    state
        The emulator's folder.
    as_json
        As a JSON object.

    """
    variables = lifecycle.environment(_running(state))
    if as_json:
        print(json.dumps(variables))  # noqa: T201 - for programs: not to be wrapped or coloured
    else:
        for name, value in variables.items():
            print(f"export {name}={shlex.quote(value)}")  # noqa: T201


@app.command
def status(*, state: Path | None = None) -> None:
    """Say whether the emulator runs, and where it listens.

    Parameters
    ----------
    state
        The emulator's folder.

    """
    known = _running(state)
    out.print(f"running: workspace {known.workspace}, state in {known.state}")
    for name, port in vars(known.ports).items():
        out.print(f"  {name:<7} 127.0.0.1:{port}")
    _print_page(known)


def _print_page(known: settings.Settings) -> None:
    if known.ports.page:
        out.print(f"its page is http://127.0.0.1:{known.ports.page}/")


@app.command(name="coverage")
def print_coverage(
    *, format_: Annotated[Literal["table", "markdown", "json"], Parameter(name="--format")] = "table"
) -> None:
    """Print which operations of Azure's REST API there are, which in part, and which are answered 501.

    Parameters
    ----------
    format_
        For a terminal, for a document, or for a program.

    """
    rows = coverage.rows()
    if format_ == "table":
        # In a pipe there is no width that rows would have to be cut to.
        wide = out if out.is_terminal else Console(soft_wrap=True, highlight=False, width=_PIPE_WIDTH)
        wide.print(coverage.as_table(rows))
    else:
        print(coverage.as_json(rows) if format_ == "json" else coverage.as_markdown(rows))  # noqa: T201


@app.command
def reset(*, state: Path | None = None) -> None:
    """End the emulator and forget everything that it holds.

    Parameters
    ----------
    state
        The emulator's folder.

    """
    lifecycle.reset(_state(state))


@app.command
def down(*, state: Path | None = None) -> None:
    """End the emulator and everything it started; what it holds stays for the next `up`.

    Parameters
    ----------
    state
        The emulator's folder.

    """
    lifecycle.down(_state(state))


def main() -> None:
    """Run the command; what a person can mend is one line on standard error, and exit status 1."""
    try:
        app(result_action="return_value")
    except EmulatorError as error:
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(
            *(f"error: {line}" for line in str(error).splitlines()), sep="\n"
        )
        sys.exit(1)
