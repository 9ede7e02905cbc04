"""The table of what becomes of conda packages, and of packages for GPUs: `packages.yaml` says what is in it."""

from __future__ import annotations

import fnmatch
import functools
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .definition import UnusableEnvironment

_FILE = Path(__file__).with_name("packages.yaml")


@dataclass(frozen=True)
class Found:
    """What stands for a conda package: its name on PyPI (None: nothing is installed), and what to tell of that."""

    pypi: str | None
    note: str


@functools.cache
def table() -> dict[str, Any]:
    """The file."""
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def normal(name: str) -> str:
    """A project's name as PyPI compares names: https://packaging.python.org/specifications/name-normalization."""
    return re.sub(r"[-_.]+", "-", name).lower()


def of_conda(name: str, own: Mapping[str, str]) -> Found:
    """What stands for a conda package, by its name in lower case; `own` are a user's additions to the table.

    Raises UnusableEnvironment if nothing does.
    """
    if pypi := own.get(name):
        return Found(pypi, f"conda package {name} is installed from PyPI as {pypi}, as your catalogue says")
    if name in table()["same"]:
        return Found(name, f"conda package {name} is installed from PyPI")
    for section in ("renamed", "cpu"):
        if pypi := table()[section].get(name):
            return Found(str(pypi), f"conda package {name} is installed from PyPI as {pypi}")
    for reason, patterns in table()["left_out"].items():
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            return Found(None, f"conda package {name} is left out: {reason}")
    return _program(name)


def _program(name: str) -> Found:
    if program := table()["programs"].get(name):
        if path := shutil.which(program):
            return Found(None, f"conda package {name} is not installed: {path} of this machine is used")
        raise UnusableEnvironment(
            f"conda package {name!r} cannot be installed: the emulator builds environments from PyPI, and this machine "
            f"has no {program}; install it here"
        )
    raise UnusableEnvironment(
        f"conda package {name!r} cannot be installed: the emulator builds environments from PyPI, and knows no package "
        "there that it is. If there is one, name it in the `pip` section of the conda file, or in your catalogue"
    )


def for_cpu(name: str) -> str | None:
    """What stands on a CPU for a project of PyPI that is for GPUs; None for all others."""
    found = table()["cpu"].get(normal(name))
    return None if found is None else str(found)


def is_torch_based(name: str) -> bool:
    """Whether a project of PyPI is PyTorch, or is known to bring it."""
    return normal(name) in table()["torch_based"]
