"""Builds the Python environments that jobs run in: real virtual environments, made by uv, kept by their content.

One environment is built once for a user, whoever asks first; others wait. A build that was interrupted leaves no
`built.json` behind, so it is never taken for a whole one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import uv

from ..processes import OWNER
from .conda import Requirements, UnusableEnvironment
from .programs import run

_LAYOUT = 1
"""Part of an environment's key: raise it when environments are built differently, and old ones are left alone."""

# What a program needs of its surroundings. Anything else, the emulator's secrets and proxy above all, stays here.
_PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", OWNER,
)  # fmt: skip
_PASSED_ON_TO_UV = ("HOME", "XDG_CACHE_HOME", "NETRC")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Log(Protocol):
    """Where a build is told of, as it goes on."""

    def line(self, text: str) -> None:
        """Add a line."""

    def write(self, data: bytes) -> None:
        """Add what a program printed."""


@dataclass(frozen=True)
class Environment:
    """A built environment: its folder, and the variables that its conda file sets."""

    folder: Path
    variables: Mapping[str, str]

    @property
    def programs(self) -> Path:
        """The folder to put first on PATH."""
        return self.folder / "bin"


class Canceled(Exception):  # noqa: N818
    """The job was canceled while its environment was built."""


def surroundings(names: Sequence[str] = (), *, own_proxy: int | None = None) -> dict[str, str]:
    """The part of the emulator's environment variables that other programs may see.

    `own_proxy` is the port of the emulator's own proxy, which must not be passed on.
    """
    kept = {name: os.environ[name] for name in (*_PASSED_ON, *names) if name in os.environ}
    for name in _PROXIES:
        for spelling in (name, name.lower()):
            value = os.environ.get(spelling)
            if value and (own_proxy is None or not value.rstrip("/").endswith(f":{own_proxy}")):
                kept[spelling] = value
    return kept


class Builder:
    """Builds environments in `cache`, or finds them there. Safe to use from threads and from several emulators."""

    def __init__(self, cache: Path, *, own_proxy: int) -> None:
        self._cache = cache
        self._own_proxy = own_proxy
        self._installed: list[dict[str, str]] | None = None

    def build(self, requirements: Requirements, *, log: Log, cancel: threading.Event) -> Environment:
        """The environment that meets `requirements`. Raises UnusableEnvironment or Canceled."""
        python = self._python(requirements.python, log)
        wanted = {
            "layout": _LAYOUT,
            "python": python,
            "pip": sorted(requirements.pip),
            "has_pip": requirements.has_pip,
        }
        key = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:24]
        folder = self._cache / key
        self._cache.mkdir(parents=True, exist_ok=True)
        with _locked(self._cache / f"{key}.lock", log, cancel):
            if (folder / "built.json").exists():
                log.line(f"Environment {key} found in the cache")
            else:
                log.line(f"Building environment {key}")
                shutil.rmtree(folder, ignore_errors=True)
                self._make(folder, python, requirements, log, cancel)
                part = folder / "built.part"
                part.write_text(json.dumps(wanted, indent=2))
                part.rename(folder / "built.json")
                log.line(f"Environment {key} built")
        return Environment(folder, dict(requirements.variables))

    def _make(self, folder: Path, python: str, requirements: Requirements, log: Log, cancel: threading.Event) -> None:
        seed = ["--seed"] if requirements.has_pip else []
        self._uv(["venv", "--python", python, *seed, str(folder)], log, cancel)
        if requirements.pip:
            listed = folder / "requirements.txt"
            listed.write_text("\n".join(requirements.pip) + "\n")
            target = ["--python", str(folder / "bin" / "python")]
            self._uv(["pip", "install", *target, "--requirement", str(listed)], log, cancel)

    def _uv(self, arguments: Sequence[str], log: Log, cancel: threading.Event) -> None:
        ended = run(
            [uv.find_uv_bin(), "--no-progress", "--color", "never", *arguments],
            folder=self._cache,
            environment=self._environment(),
            output=log.write,
            cancel=cancel,
        )
        if ended.canceled:
            raise Canceled
        if ended.exit_code:
            raise UnusableEnvironment(f"uv {arguments[0]} failed: " + "\n".join(ended.last_lines))

    def _environment(self) -> dict[str, str]:
        of_uv = [name for name in os.environ if name.startswith("UV_") and name != "UV_PROJECT_ENVIRONMENT"]
        kept = surroundings((*_PASSED_ON_TO_UV, *of_uv), own_proxy=self._own_proxy)
        # The machine's CAs, in case a proxy opens TLS; the emulator's own CA is of no use here.
        return {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never", **kept}

    def _python(self, version: str | None, log: Log) -> str:
        """The path of an interpreter of that version, or else of the nearest one there is."""
        own = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
        if own.exists() and (version is None or _minor(version) == _minor(own.name.removeprefix("python"))):
            return str(own)  # Without asking uv, which looks at every interpreter: that takes seconds.
        found = self._find_installed()
        if version is None:
            return found[0]["path"]
        wanted = _minor(version)
        best = min(found, key=lambda one: (abs(_minor(one["version"]) - wanted), -_minor(one["version"])))
        if _minor(best["version"]) != wanted:
            log.line(f"Python {version} is not on this machine; taking the nearest, {best['version']} ({best['path']})")
        return best["path"]

    def _find_installed(self) -> list[dict[str, str]]:
        if self._installed is None:
            listing = subprocess.run(
                [uv.find_uv_bin(), "python", "list", "--only-installed", "--output-format", "json"],
                env=self._environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            if listing.returncode:
                raise UnusableEnvironment(f"uv found no Python: {listing.stderr.strip()}")
            self._installed = [i for i in json.loads(listing.stdout) if i["implementation"] == "cpython"]
        if not self._installed:
            raise UnusableEnvironment("there is no CPython on this machine: install one, or run `uv python install`")
        return self._installed


def _minor(version: str) -> int:
    major, minor = version.split(".")[:2]
    return int(major) * 100 + int(minor)


@contextmanager
def _locked(file: Path, log: Log, cancel: threading.Event) -> Iterator[None]:
    with file.open("w") as handle:
        waiting = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    log.line("Waiting for another job that builds the same environment")
                waiting = True
                if cancel.wait(0.2):
                    raise Canceled from None
        yield
