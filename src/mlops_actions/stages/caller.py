"""What a caller's workflow gives a stage: the `with:` of its job that uses the stage's workflow.

Only what needs no runner is taken: texts, and values that are as a whole a variable, `${{ vars.NAME }}`, which is then
one of the environment, and may have a text to stand in for it, `${{ vars.NAME || 'text' }}`.
https://docs.github.com/actions/reference/workflows-and-actions/contexts#vars-context
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_actions import definitions
from mlops_actions.errors import ActionError

_VARIABLE = re.compile(r"\$\{\{\s*vars\.(?P<name>\w+)\s*(?:\|\|\s*'(?P<instead>[^']*)'\s*)?\}\}")


@dataclass
class Given:
    """The inputs that a workflow gives, as texts by their names, and the names of those that only a runner can make."""

    inputs: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def given(file: Path, stage: str, environment: Mapping[str, str]) -> Given:
    """What the job of `file` that uses <stage>.yml gives it. Raises ActionError if there is none, or several."""
    jobs = definitions.read(file, "workflow").get("jobs") or {}
    used = {name: job for name, job in jobs.items() if isinstance(job, dict) and _uses(job, stage)}
    if len(used) != 1:
        found = f"{len(used)} jobs ({', '.join(used)})" if used else "no job"
        raise ActionError(f"workflow: {file} has {found} with `uses: …/{stage}.yml`: give the flags", file=str(file))
    (job,) = used.values()
    told = Given()
    for name, value in (job.get("with") or {}).items():
        text = _resolved(value, environment)
        if text is None:
            told.left_out.append(str(name))
        elif text:
            told.inputs[str(name)] = text
    return told


def _uses(job: Mapping[str, Any], stage: str) -> bool:
    return Path(str(job.get("uses") or "").partition("@")[0]).name == f"{stage}.yml"


def _resolved(value: object, environment: Mapping[str, str]) -> str | None:
    """The text that a value stands for, empty if that is nothing; None if it takes a runner to say."""
    if value is None or isinstance(value, bool):
        return str(value).lower() if value is not None else ""
    text = str(value).strip()
    if "${{" not in text:
        return text
    variable = _VARIABLE.fullmatch(text)
    return (environment.get(variable["name"]) or variable["instead"] or "") if variable else None
