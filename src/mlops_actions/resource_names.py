"""Names that become part of an address: none leads to another resource than the one that it names.

A client resolves `..` in an address before it sends it, so that the compute `..` would be the workspace itself.
"""

from __future__ import annotations

import re

from mlops_actions.errors import ActionError
from mlops_actions.guarded_output import visible
from mlops_actions.markdown import shortened

_SHOWN = 80
_LEADS_ELSEWHERE = re.compile(r"[/\\?#%\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
LONGEST_JOB_NAME = 255
_JOB = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{LONGEST_JOB_NAME - 1}}}")
_NOT_IN_A_JOB = re.compile(r"[^A-Za-z0-9_-]+")


def plain_name(what: str, name: str) -> str:
    """The name, if it can be one; which ones there are is for the service to say. Raises ActionError."""
    if not name.strip(". \t") or _LEADS_ELSEWHERE.search(name) or len(name) > 255:  # noqa: PLR2004 - Azure's limit
        text = r"it has no / \ ? # %, no control characters, is not made of dots, and no longer than 255 characters"
        raise ActionError(f"{what} '{shortened(visible(' '.join(name.split())), _SHOWN)}' is not a name: {text}")
    return name


def is_job_name(name: str) -> bool:
    """Whether Azure ML takes it for a job's."""
    return _JOB.fullmatch(name) is not None


def part_of_job_name(text: str) -> str:
    """As much of the text as a job's name may have: empty if that is nothing."""
    return _NOT_IN_A_JOB.sub("-", text).strip("-_")
