"""Reads what an environment asks for out of its conda file: a Python version and pip requirements.

Conda itself is not run: the packages come from PyPI, those of the pip section and those conda packages that are known
to be there (`packages.yaml`). A conda package that is not is an error that names it rather than a package that is
silently missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from . import packages
from .definition import Requirements, UnusableEnvironment

_PACKAGE = re.compile(r"^(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>[=<>!~\s\d\*\[].*)?$")
_CONSTRAINT = re.compile(r"(?P<operator>===|==|!=|<=|>=|~=|=|<|>)?\s*(?P<version>[0-9A-Za-z_.+*!-]+)")
_KNOWN_KEYS = frozenset({"name", "channels", "dependencies", "variables", "prefix", "platforms"})


def read(conda_file: str, own: Mapping[str, str] | None = None) -> Requirements:
    """The requirements in the text of a conda file; `own` are a user's additions to the table of packages.

    Raises UnusableEnvironment where there is no way to meet them.
    """
    try:
        document = yaml.safe_load(conda_file)
    except (yaml.YAMLError, RecursionError) as error:
        raise UnusableEnvironment(f"the conda file is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise UnusableEnvironment("the conda file is not a mapping with `dependencies`")
    if unknown := sorted(str(key) for key in document.keys() - _KNOWN_KEYS):
        raise UnusableEnvironment(f"the conda file has unknown keys: {', '.join(unknown)}")
    dependencies = document.get("dependencies") or []
    if not isinstance(dependencies, list):
        raise UnusableEnvironment("`dependencies` in the conda file is not a list")
    variables = document.get("variables") or {}
    if not isinstance(variables, dict):
        raise UnusableEnvironment("`variables` in the conda file is not a mapping")
    found = from_packages([one for one in dependencies if not isinstance(one, dict)], own or {})
    listed = [line for one in dependencies if isinstance(one, dict) for line in _pip_section(one)]
    return Requirements(
        python=found.python,
        pip=(*found.pip, *listed),
        variables=tuple(sorted((str(name), str(value)) for name, value in variables.items())),
        notes=found.notes,
    )


def from_packages(given: list[Any], own: Mapping[str, str]) -> Requirements:
    """The requirements of conda packages as a conda file or `conda install` lists them. Raises UnusableEnvironment."""
    python, lines, notes = None, list[str](), list[str]()
    for one in given:
        name, version = _package(one)
        if name == "python":
            python = _python(version)
        elif name == "pip":
            continue  # Every environment has one, as conda's have.
        else:
            found = packages.of_conda(name, own)
            notes.append(found.note)
            if found.pypi is not None:
                lines.append(found.pypi + requirement(version, str(one)))
    return Requirements(python, tuple(lines), notes=tuple(notes))


def _package(dependency: object) -> tuple[str, str]:
    match = _PACKAGE.match(str(dependency).strip())
    if match is None:
        raise UnusableEnvironment(f"the conda file has a dependency that is no package: {dependency!r}")
    return match["name"].lower(), (match["version"] or "").strip()


def _python(version: str) -> str | None:
    """`=3.8`, `==3.8.5` and `3.8=build` as `3.8`; constraints as they are."""
    if not version:
        return None
    wanted = requirement(version, f"python{version}")
    match = re.fullmatch(r"={2,3}(\d+\.\d+)(\..*)?", wanted)
    if match:
        return match[1]
    if re.fullmatch(r"(?:(?:[<>]=?|!=|~=)\d+(?:\.\d+)*(?:\.\*)?,?)+", wanted):
        return wanted
    raise UnusableEnvironment(f"cannot tell a Python version by 'python{version}' in the conda file")


def requirement(version: str, whole: str) -> str:
    """What pip is to be asked for a version as conda writes it: `=1.2` (any 1.2), `==1.2`, `>=1,<2`, `=1.2=build`.

    https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html#package-match-specifications
    Raises UnusableEnvironment for what pip has no way to say.
    """
    constraints = []
    for part in (one.strip() for one in version.split(",")):
        match = _CONSTRAINT.match(part)
        if not part:
            continue
        build = part[match.end() :].strip() if match else ""
        if match is None or "|" in part or "[" in part or (build and not re.match(r"^=?\s*[\w.*]+$", build)):
            raise UnusableEnvironment(
                f"{whole!r} in the conda file cannot be asked of PyPI: {part!r} has no meaning there"
            )
        constraints.append(_constraint(match["operator"] or "==", match["version"]))
    return ",".join(one for one in constraints if one)


def _constraint(operator: str, version: str) -> str:
    if version == "*":
        return ""
    if operator == "=":
        is_numbers = re.fullmatch(r"\d+(\.\d+)*", version)
        return f"=={version}.*" if is_numbers else f"=={version}"
    return f"{operator}{version}"


def _pip_section(section: dict[str, Any]) -> list[str]:
    if set(section) != {"pip"} or not isinstance(section["pip"], list):
        raise UnusableEnvironment(f"the conda file has a section that is no `pip` list: {', '.join(map(str, section))}")
    return [str(line) for line in section["pip"]]
