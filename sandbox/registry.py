"""A container registry on this machine: Debian's docker-registry, on loopback, with a password if asked for one."""

from __future__ import annotations

import shutil
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import yaml

from sandbox import paths
from sandbox.lock import exclusive
from sandbox.processes import Daemon, SandboxError, wait_for

PORT = 5000
"""The port that the sandbox's Kubernetes pulls from."""

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_OK, _UNAUTHORIZED = 200, 401


@dataclass(frozen=True)
class Account:
    """Who may pull and push."""

    username: str
    password: str


@dataclass(frozen=True)
class Registry:
    """A docker-registry with its configuration, log and images in `folder`."""

    folder: Path
    port: int
    account: Account | None = None

    @classmethod
    def on_free_port(cls, folder: Path, account: Account | None = None) -> Registry:
        """A registry for a test: beside the sandbox's own, and not started yet."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return cls(folder, probe.getsockname()[1], account)

    @property
    def address(self) -> str:
        """The part of an image's name that says it is here."""
        return f"127.0.0.1:{self.port}"

    @property
    def _daemon(self) -> Daemon:
        return Daemon("registry", self.folder)

    def runs(self) -> bool:
        """True if it was started here and answers."""
        return self._daemon.pid() is not None and _answer(self.address) in {_OK, _UNAUTHORIZED}

    def start(self) -> None:
        """Start it unless it runs."""
        if shutil.which("docker-registry") is None:
            raise SandboxError("docker-registry: not found; install with: apt-get install docker-registry")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with exclusive(
            self.folder / "lock", lambda pid: print(f"waiting for the registry, which process {pid} starts")
        ):
            self._daemon.start(["docker-registry", "serve", self._configuration()])
            wait_for("the registry to answer or to end", lambda: self.runs() or self._daemon.pid() is None, seconds=30)
            if not self.runs():
                raise SandboxError(f"the registry did not start; {self._daemon.log}: {self._daemon.last_lines(1)}")

    def stop(self) -> None:
        """End it. The images stay in the folder."""
        self._daemon.stop()

    def _configuration(self) -> Path:
        settings: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "images")},
                "delete": {"enabled": True},
                "cache": {"blobdescriptor": "inmemory"},
            },
            "http": {"addr": self.address},
        }
        if self.account is not None:
            passwords = self.folder / "htpasswd"
            # The registry compares at every request: the lowest cost keeps that fast, on loopback nobody guesses.
            hashed = bcrypt.hashpw(self.account.password.encode(), bcrypt.gensalt(rounds=4)).decode()
            passwords.write_text(f"{self.account.username}:{hashed}\n")
            settings["auth"] = {"htpasswd": {"realm": "sandbox", "path": str(passwords)}}
        file = self.folder / "config.yml"
        file.write_text(yaml.safe_dump(settings))
        return file


def _answer(address: str) -> int | None:
    """The status of the API's root; None if nobody answers."""
    try:
        with _OPENER.open(f"http://{address}/v2/", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def _ours() -> Registry:
    return Registry(paths.state() / "registry", PORT)


def ensure_registry() -> str:
    """Answer the address of a registry that anybody on this machine may push to; start it if there is none."""
    ours = _ours()
    if ours.runs():
        return ours.address
    match _answer(ours.address):
        case None:
            ours.start()
        case status if status != _OK:
            raise SandboxError(
                f"{ours.address} is taken by a program that answers {status}, not as an open registry would; end it"
            )
    return ours.address


def stop_registry() -> None:
    """End the registry that `ensure_registry` started; never another."""
    _ours().stop()
