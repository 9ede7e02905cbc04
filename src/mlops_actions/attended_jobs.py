"""The jobs that a step attends to: noted in the runner's temporary folder, so that a step that is killed is found out.

A step that is told to end cancels its job. One that is killed cannot: its job would go on, and keep the compute that a
later step of the same runner's job is to stop. GitHub empties the folder before and after each job:
https://docs.github.com/actions/reference/workflows-and-actions/variables (RUNNER_TEMP)
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")


@contextmanager
def attending() -> Iterator[Callable[[str], None]]:
    """Notes the jobs that it is told of, and forgets them in the end, however that comes, unless this is killed."""
    folder = _folder()
    noted: list[Path] = []

    def note(job: str) -> None:
        # On a laptop there is no step that comes later.
        if folder is not None and _NAME.fullmatch(job):
            folder.mkdir(exist_ok=True)
            (folder / job).touch()
            noted.append(folder / job)

    try:
        yield note
    finally:
        for file in noted:
            file.unlink(missing_ok=True)


def abandoned() -> list[str]:
    """The jobs that steps before this one attended to until they were killed."""
    folder = _folder()
    if folder is None or not folder.is_dir():
        return []
    return sorted(file.name for file in folder.iterdir() if _NAME.fullmatch(file.name))


def _folder() -> Path | None:
    temp = os.environ.get("RUNNER_TEMP")
    return Path(temp) / "attended-jobs" if temp else None
