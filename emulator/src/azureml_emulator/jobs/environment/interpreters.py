"""Finds a Python for an environment: of the version that it asks for, or the nearest that this machine has."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uv

from .definition import Log, UnusableEnvironment

_OLDEST = (3, 8)
"""What uv makes environments for."""

_NAME = re.compile(r"python(3\.\d+)")
_CONSTRAINT = re.compile(r"(<=|>=|==|!=|~=|<|>)?\s*(\d+(?:\.\d+)*)(\.\*)?")

Version = tuple[int, ...]


@dataclass(frozen=True)
class Interpreter:
    """A Python: `version` is `major.minor`; `is_wanted` tells whether it is one that was asked for."""

    version: str
    path: str
    is_wanted: bool = True


class Interpreters:
    """The CPythons of this machine: those that uv finds, pyenv's and conda's. Safe to use from threads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._found: dict[str, str] | None = None

    def find(self, wanted: str | None, log: Log) -> Interpreter:
        """The best one for a version (`3.8`) or constraints (`>=3.8,<3.11`). Raises UnusableEnvironment without any."""
        own = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
        version = own.name.removeprefix("python")
        if own.exists() and meets(version, wanted):
            return Interpreter(version, str(own))  # Without asking uv, which looks at every interpreter: that is slow.
        with self._lock:
            if self._found is None:
                self._found = self._search()
        fit = [one for one in self._found if meets(one, wanted)]
        if fit:
            best = max(fit, key=_numbers)
            return Interpreter(best, self._found[best])
        aim = _aim(wanted or version)
        best = min(self._found, key=lambda one: (abs(_numbers(one)[1] - aim[1]), -_numbers(one)[1]))
        log.line(f"Python {wanted} is not on this machine; taking the nearest, {best} ({self._found[best]})")
        return Interpreter(best, self._found[best], is_wanted=False)

    def _search(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for version, path in (*self._of_uv(), *_elsewhere()):
            if _numbers(version) >= _OLDEST and version not in found and _works(path):
                found[version] = path
        if not found:
            raise UnusableEnvironment("there is no CPython on this machine: install one, or run `uv python install`")
        return found

    def _of_uv(self) -> list[tuple[str, str]]:
        listing = subprocess.run(
            [uv.find_uv_bin(), "python", "list", "--only-installed", "--output-format", "json"],
            env=dict(self._environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if listing.returncode:
            raise UnusableEnvironment(f"uv found no Python: {listing.stderr.strip()}")
        plain = [one for one in json.loads(listing.stdout) if one["implementation"] == "cpython"]
        return [(".".join(one["version"].split(".")[:2]), one["path"]) for one in plain if one["variant"] == "default"]


def _elsewhere() -> list[tuple[str, str]]:
    """Interpreters in places where uv does not look: versions that pyenv has but that are not switched on, conda."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    roots = [*sorted(pyenv.glob("versions/*"), reverse=True), Path("/opt/conda")]
    roots += [home / name for name in ("miniconda3", "miniforge3", "anaconda3", "mambaforge")]
    programs = (file for root in roots for file in sorted((root / "bin").glob("python3.*")))
    return [(match[1], str(file)) for file in programs if (match := _NAME.fullmatch(file.name))]


@functools.cache
def _works(path: str) -> bool:
    """Whether it starts: pyenv's stand-ins for versions that are not switched on do not."""
    try:
        return subprocess.run([path, "-c", "import venv"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def meets(version: str, wanted: str | None) -> bool:
    """Whether a `major.minor` is what is wanted; of micro versions nothing is known."""
    return all(_is_met(_numbers(version), *one) for one in _CONSTRAINT.findall(wanted or ""))


def _is_met(have: Version, operator: str, number: str, _: str) -> bool:
    aim = _numbers(number)
    full, minor = len(aim) > len(have), aim[:2]
    return {
        "": have == minor or (len(aim) == 1 and have[:1] == aim),
        "==": have == minor or (len(aim) == 1 and have[:1] == aim),
        "!=": full or have != minor,
        ">=": have >= minor,
        ">": have > minor or (full and have == minor),
        "<=": have <= minor or (len(aim) == 1 and have[:1] == aim),
        "<": have < minor or (full and have == minor),
        "~=": have >= minor and have[:1] == aim[:1] and (len(aim) == len(minor) or have == minor),
    }[operator]


def _aim(wanted: str) -> Version:
    """The version that constraints speak of first."""
    numbers = [_numbers(number) for _, number, _ in _CONSTRAINT.findall(wanted)]
    return next((one for one in numbers if len(one) > 1), (3, sys.version_info.minor))


def _numbers(version: str) -> Version:
    return tuple(int(one) for one in re.findall(r"\d+", version))
