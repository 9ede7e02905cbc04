"""Starting and ending an emulator from outside it, and what a program needs to know to talk to it."""

from __future__ import annotations

import fcntl
import http.client
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from . import azurite, processes, settings
from .curated import catalogue
from .faults.client import Control, ControlError
from .faults.rules import Rule
from .settings import GITHUB_OIDC_HOST, Settings

_START_SECONDS = 90
_LOCK = "lock"


class EmulatorError(Exception):
    """Something a person can mend; the text is one line."""


@contextmanager
def _told(state: Path) -> Iterator[None]:
    """Make EmulatorError of what is wrong with folders and files: read-only, full, damaged."""
    try:
        yield
    except settings.SettingsError as error:
        raise EmulatorError(str(error)) from error
    except OSError as error:
        raise EmulatorError(f"{error.filename or state}: {error.strerror or error}") from error


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Only one command at a time starts or ends the emulator of a state folder."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (state / _LOCK).open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def _end_all(state: Path) -> None:
    """End the server, then whatever it had started and left behind (it may have been killed)."""
    processes.end(state / "pid" / "emulator", seconds=20)
    for file in sorted((state / "pid").glob("*")):
        processes.end(file)
    # A kill may have come between the start of a process and the note of it.
    processes.end_owned(state)


def is_ready(known: Settings) -> bool:
    """Whether the emulator answers."""
    if processes.running(known.state / "pid" / "emulator") is None:
        return False
    try:
        trust = ssl.create_default_context(cafile=known.certificates / "ca.pem")
        connection = http.client.HTTPSConnection("127.0.0.1", known.ports.api, timeout=2, context=trust)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False


def running(state: Path) -> Settings:
    """The settings of the emulator that runs for `state`. Raises EmulatorError if none does."""
    with _told(state):
        if (state / "settings.json").exists() and is_ready(known := settings.load(state)):
            return known
    raise EmulatorError(f"no emulator runs for {state}: start it with `azureml-emulator up`")


def up(
    state: Path,
    time_scale: float | None = None,
    token_lifetime: float | None = None,
    faults: Sequence[Rule] | None = None,
    *,
    executor: str | None = None,
    curated: Path | None = None,
) -> Settings:
    """Start the emulator of `state`, or leave the running one be. Raises EmulatorError if it does not get ready.

    `faults` are armed instead of those that are, and the file `curated` is what a user adds to the catalogue of
    environments; None leaves these as they are. Nothing is left running if it is interrupted.
    """
    entries = None if curated is None else _catalogue(curated)
    if not _is_ours(state):
        raise EmulatorError(f"{state} holds something else: give --state a folder that is empty or does not exist")
    with _told(state), _alone(state):
        if (state / "settings.json").exists() and is_ready(known := settings.load(state)):
            _check_unchanged(known, time_scale, token_lifetime, executor)
        else:
            known = _start(state, time_scale, token_lifetime, executor)
        if entries is not None:
            catalogue.keep(entries, state)
        if faults is not None:
            _arm(known, faults)
        return known


def _catalogue(file: Path) -> bytes:
    """A user's catalogue, which is good. Raises EmulatorError for any other."""
    try:
        catalogue.read(file)
        return file.read_bytes()
    except (OSError, catalogue.CatalogueError) as error:
        raise EmulatorError(str(error)) from error


def _check_unchanged(
    known: Settings, time_scale: float | None, token_lifetime: float | None, executor: str | None
) -> None:
    if time_scale not in {None, known.time_scale}:
        raise EmulatorError(f"the emulator runs with time scale {known.time_scale:g}: end it with `down` first")
    if token_lifetime not in {None, known.token_lifetime}:
        raise EmulatorError(f"the emulator's tokens live {known.token_lifetime:g} s: end it with `down` first")
    if executor not in {None, known.executor}:
        raise EmulatorError(f"the emulator runs with the executor {known.executor}: end it with `down` first")


def _start(state: Path, time_scale: float | None, token_lifetime: float | None, executor: str | None) -> Settings:
    _end_all(state)
    try:
        azurite.install()
    except azurite.AzuriteError as error:
        raise EmulatorError(str(error)) from error
    known = settings.load_or_create(state, time_scale, token_lifetime, executor)
    log = state / "emulator.log"
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "azureml_emulator.server", str(state)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env={**os.environ, processes.OWNER: processes.owner(state)},
        )
    try:
        _wait(known, process, log)
    except BaseException:  # Ctrl-C as well: the server has a session of its own, and would go on.
        _end_all(state)
        raise
    return known


def _wait(known: Settings, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not is_ready(known):
        if process.poll() is not None or time.monotonic() > deadline:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise EmulatorError(f"the emulator did not start: {''.join(last)} (see {log})")
        time.sleep(0.05)


def _arm(known: Settings, faults: Sequence[Rule]) -> None:
    try:
        Control(known).arm(faults, instead=True)
    except (ControlError, OSError) as error:
        raise EmulatorError(f"the emulator runs, but its faults could not be armed: {error}") from error


def _is_ours(state: Path) -> bool:
    """Whether an emulator keeps its things in this folder, or may begin to: `reset` will remove all that is in it."""
    if not state.is_dir():
        return not state.exists()
    return (state / "settings.json").exists() or {entry.name for entry in state.iterdir()} <= {_LOCK}


def down(state: Path) -> None:
    """End the emulator of `state` and everything it started; what it remembers stays."""
    if (state / "settings.json").exists():
        with _alone(state):
            _end_all(state)


def reset(state: Path) -> None:
    """End the emulator of `state` and forget all that it remembers. Raises EmulatorError for another kind of folder."""
    if not _is_ours(state):
        raise EmulatorError(f"{state} is not an emulator's state folder: nothing is removed")
    if not state.exists():
        return
    with _told(state), _alone(state):
        _end_all(state)
        # The settings last: without them a folder that could not be emptied would no longer count as an emulator's.
        for entry in sorted(state.iterdir(), key=lambda e: e.name == "settings.json"):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != _LOCK:
                entry.unlink()


def environment(known: Settings) -> dict[str, str]:
    """The variables that lead a program, and it alone, to this emulator. All paths are absolute."""
    bundle = str((known.certificates / "bundle.pem").resolve())
    proxy, direct = f"http://127.0.0.1:{known.ports.proxy}", "127.0.0.1,localhost"
    return {
        # In both spellings: Python and curl prefer the lower one, which the user's own environment may have set.
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), direct),
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "AZURE_SUBSCRIPTION_ID": known.subscription_id,
        "AZURE_RESOURCE_GROUP": known.resource_group,
        "AZURE_ML_WORKSPACE": known.workspace,
        "AZURE_TENANT_ID": known.tenant_id,
        "AZURE_CLIENT_ID": known.client_id,
        "AZURE_CLIENT_SECRET": known.client_secret,
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"https://{GITHUB_OIDC_HOST}/_apis/distributedtask/idtoken?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": known.github_request_token,
    }


def service_principal(known: Settings) -> dict[str, str]:
    """The emulator's application with its secret, in the fields that azure/login takes as `creds`."""
    return {
        "clientId": known.client_id,
        "clientSecret": known.client_secret,
        "subscriptionId": known.subscription_id,
        "tenantId": known.tenant_id,
    }


def replace(known: Settings, command: list[str]) -> NoReturn:
    """Become `command`, with `environment`. Raises EmulatorError if it cannot be started.

    A signal sent to this process, such as a cancelled workflow's, so reaches the command itself, and its exit status
    is this process's.
    """
    try:
        os.execvpe(command[0], command, {**os.environ, **environment(known)})  # noqa: S606 - an argument list
    except OSError as error:
        raise EmulatorError(f"{command[0]} cannot be run: {error.strerror}") from error
