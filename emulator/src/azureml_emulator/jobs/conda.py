"""Reads what an environment asks for out of its conda file: a Python version and pip requirements.

Conda itself is not run: the packages come from PyPI. So a conda package other than Python and its installers cannot be
had, and is an error that names it rather than a package that is silently missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

_INSTALLERS = frozenset({"pip", "setuptools", "wheel"})
_PACKAGE = re.compile(r"^(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>.*)$")
_PYTHON_VERSION = re.compile(r"^[=~<>\s]*(?P<version>\d+\.\d+)")
_KNOWN_KEYS = frozenset({"name", "channels", "dependencies", "variables", "prefix"})


class UnusableEnvironment(Exception):  # noqa: N818
    """An environment that cannot be built here; the text says what its user has to change."""


@dataclass(frozen=True)
class Requirements:
    """What an environment needs: Python as `major.minor` (None: any), lines for pip, environment variables."""

    python: str | None = None
    pip: tuple[str, ...] = ()
    has_pip: bool = False
    variables: tuple[tuple[str, str], ...] = ()


def read(conda_file: str) -> Requirements:
    """The requirements in the text of a conda file. Raises UnusableEnvironment where there is no way to meet them."""
    try:
        document = yaml.safe_load(conda_file)
    except yaml.YAMLError as error:
        raise UnusableEnvironment(f"the conda file is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise UnusableEnvironment("the conda file is not a mapping with `dependencies`")
    if unknown := sorted(str(key) for key in document.keys() - _KNOWN_KEYS):
        raise UnusableEnvironment(f"the conda file has unknown keys: {', '.join(unknown)}")
    dependencies = document.get("dependencies") or []
    if not isinstance(dependencies, list):
        raise UnusableEnvironment("`dependencies` in the conda file is not a list")
    python, has_pip, lines = None, False, list[str]()
    for dependency in dependencies:
        if isinstance(dependency, dict):
            lines += _pip_section(dependency)
            has_pip = True
            continue
        name, version = _package(dependency)
        if name == "python":
            python = _python(version)
        elif name in _INSTALLERS:
            has_pip = True
        else:
            raise UnusableEnvironment(
                f"conda package {name!r} cannot be installed: the emulator builds environments from PyPI; "
                "move it to the `pip` section of the conda file"
            )
    variables = document.get("variables") or {}
    return Requirements(python, tuple(lines), has_pip, tuple(sorted((str(k), str(v)) for k, v in variables.items())))


def _package(dependency: object) -> tuple[str, str]:
    match = _PACKAGE.match(str(dependency))
    if match is None:
        raise UnusableEnvironment(f"the conda file has a dependency that is no package: {dependency!r}")
    return match["name"].lower(), match["version"]


def _python(version: str) -> str | None:
    if not version:
        return None
    match = _PYTHON_VERSION.match(version)
    if match is None:
        raise UnusableEnvironment(f"cannot tell a Python version by 'python{version}' in the conda file")
    return match["version"]


def _pip_section(section: dict[str, Any]) -> list[str]:
    if set(section) != {"pip"} or not isinstance(section["pip"], list):
        raise UnusableEnvironment(f"the conda file has a section that is no `pip` list: {', '.join(map(str, section))}")
    return [str(line) for line in section["pip"]]
