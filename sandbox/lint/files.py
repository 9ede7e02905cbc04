"""Which files there are to lint: those that a commit of the working tree would hold."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import PurePath

from sandbox.paths import ROOT
from sandbox.processes import SandboxError


@cache
def tracked() -> tuple[str, ...]:
    """All files, relative to the repository's root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return tuple(sorted({name for name in listing.split("\0") if name and (ROOT / name).is_file()}))


def where(what: str, chosen: Callable[[PurePath], bool]) -> list[str]:
    """The files that are `what`. There has to be one: a linter with nothing to do would pass forever."""
    found = [name for name in tracked() if chosen(PurePath(name))]
    if not found:
        raise SandboxError(f"there are no {what} to lint")
    return found


def yaml_files() -> list[str]:
    """YAML of every kind."""
    return where("YAML files", lambda file: file.suffix in {".yaml", ".yml"})


def workflows() -> list[str]:
    """GitHub workflows."""
    return where("workflows", lambda file: file.parts[:2] == (".github", "workflows") and file.suffix == ".yml")


def actions() -> list[str]:
    """Composite actions, the stand-ins among them."""
    return where("actions", lambda file: file.name == "action.yml")


def shell_scripts() -> list[str]:
    """Scripts that their first line gives to a shell."""
    return where("shell scripts", lambda file: not file.suffix and _is_shell(str(file)))


def dockerfiles() -> list[str]:
    """Dockerfiles."""
    return where("Dockerfiles", lambda file: file.name == "Dockerfile")


def overlays() -> list[str]:
    """Kustomize folders that are deployed."""
    files = where("overlays", lambda file: file.match("k8s/overlays/*/kustomization.yaml"))
    return [str(PurePath(file).parent) for file in files]


def _is_shell(name: str) -> bool:
    with (ROOT / name).open("rb") as file:
        first = file.readline(80).strip()
    return first.startswith(b"#!") and first.endswith((b"bash", b"/sh", b" sh"))
