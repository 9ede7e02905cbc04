"""Checks of what is installed on this machine, and of .env."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from mlops_actions import environment
from mlops_actions.doctor.findings import Check, Finding, ok, skipped, warning, wrong
from mlops_actions.doctor.surroundings import Surroundings
from mlops_actions.errors import ActionError
from mlops_actions.image import docker

_OLDEST, _TOO_NEW = (3, 11), (3, 14)
_SECONDS = 10


def _python(_: Surroundings) -> Finding:
    found = f"Python {platform.python_version()}"
    if _OLDEST <= sys.version_info < _TOO_NEW:
        return ok(found)
    return wrong(f"{found}, and this needs 3.11 to 3.13", "run it by uv: uv run --python 3.13 mlops doctor")


def _uv(_: Surroundings) -> Finding:
    if shutil.which("uv") is None:
        return warning(
            "uv is not on the PATH; the actions install it for themselves, `uv run mlops` on a laptop needs it",
            "https://docs.astral.sh/uv/getting-started/installation/",
        )
    return ok(_said("uv", "--version"))


def _docker(surroundings: Surroundings) -> Finding:
    if shutil.which("docker") is None:
        return warning("docker is not on the PATH; build-image needs it", "https://docs.docker.com/engine/install/")
    try:
        found = docker.client()
    except ActionError as error:
        fix = "start Docker, or set DOCKER_HOST to a daemon's address (docker context ls)"
        # Whoever only trains has no need of it.
        return wrong(str(error), fix) if surroundings.image else warning(str(error), fix)
    builder = "BuildKit" if found.has_buildkit else "without BuildKit"
    return ok(f"docker {found.run('version', '--format', '{{.Server.Version}}').strip()}, {builder}")


def _kubectl(_: Surroundings) -> Finding:
    if shutil.which("kubectl") is None:
        return warning("kubectl is not on the PATH; kube-deploy needs it", "https://kubernetes.io/docs/tasks/tools/")
    version = json.loads(_said("kubectl", "version", "--client", "-o", "json"))
    return ok(f"kubectl {version['clientVersion']['gitVersion']}")


def _dotenv(_: Surroundings) -> Finding:
    file = environment.FILE
    if not file.exists():
        return skipped(f"there is no {file} in {Path.cwd()}; the variables are those of the environment alone")
    try:
        read = environment.read(file)
    except ActionError as error:
        return wrong(str(error), f"edit {file}; .env.example shows the form")
    if _is_tracked(file):
        return wrong(
            f"{file} is committed to git, with all that is in it", f"git rm --cached {file}, and renew secrets"
        )
    names = ", ".join(sorted(read)) or "nothing"
    if shadowed := sorted(name for name in read if name in os.environ and os.environ[name] != read[name]):
        told = f"{file} sets {names}; the environment has other values of {', '.join(shadowed)}, which win"
        return warning(told, f"unset {' '.join(shadowed)}, if those of {file} are meant")
    return ok(f"{file} sets {names}")


def _is_tracked(file: Path) -> bool:
    if shutil.which("git") is None:
        return False
    command = ["git", "ls-files", "--error-unmatch", str(file)]
    return subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS).returncode == 0


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS).stdout.strip()


CHECKS = (
    Check("python", "tools", _python),
    Check("uv", "tools", _uv),
    Check("docker", "tools", _docker, remedy="restart Docker"),
    Check("kubectl", "tools", _kubectl, remedy="reinstall kubectl: https://kubernetes.io/docs/tasks/tools/"),
    Check(".env", "tools", _dotenv),
)
