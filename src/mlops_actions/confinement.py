"""Where a runner's step may read and write: in the workspace, and in the runner's folder for temporary files.

Inputs may be made of what an attacker writes, such as the name of a branch, and a pull request may bring a symbolic
link: neither leads to the runner's own files. On a laptop, who gives the command may read what it reads.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from mlops_actions import github
from mlops_actions.errors import ActionError

# The runner's own in RUNNER_TEMP, such as the files behind GITHUB_ENV, and what this library has there for a while.
_PRIVATE = re.compile(r"_.*|kubeconfig-.*|docker-config-.*|attended-jobs")


def confine(path: Path, what: str) -> Path:
    """The path, if it leads nowhere but into the workspace, with all symbolic links followed.

    `what` names it: an input, or where it is said. Raises ActionError.
    """
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ActionError(f"{what}: {path} is too long for a path") from None
    if not github.on_runner():
        return path
    target = _resolved(path)
    workspace, temporary = _workspace(), _temporary()
    if target.is_relative_to(workspace):
        return path
    if temporary is not None and target.is_relative_to(temporary):
        first = target.relative_to(temporary).parts[:1]
        if first and not _PRIVATE.fullmatch(first[0]):
            return path
    text = f"{what}: {path} leads to {target}, which is not in the workspace {workspace}: name something in there"
    raise ActionError(text)


def _workspace() -> Path:
    return _resolved(Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()))


def _temporary() -> Path | None:
    folder = os.environ.get("RUNNER_TEMP")
    return _resolved(Path(folder)) if folder else None


def _resolved(path: Path) -> Path:
    """The path without links, as far as it exists; links that go round in a circle stay."""
    return Path(os.path.realpath(path))
