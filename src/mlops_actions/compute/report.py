"""The summary of a compute: how it was found, what was done about it, how it differs, how long it took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from mlops_actions import github
from mlops_actions.aml.studio import compute_url
from mlops_actions.azure import Workspace
from mlops_actions.compute.bringing import Bringing
from mlops_actions.compute.differences import Difference
from mlops_actions.markdown import link, table_cell

_SUMMARY = Path(__file__).parents[3] / "actions" / "ensure-compute" / "summary.md"
_MOST = 50


def summarize_compute(
    bringing: Bringing, workspace: Workspace, name: str, said: str, *, failed: bool, begun: float
) -> None:
    """Write the summary; `begun` is when the step began, by the monotonic clock."""
    now = time.monotonic()
    course = bringing.course
    states = [state for state, _ in course] or ["unknown"]
    values = {
        "name": table_cell(name),
        "before": table_cell(states[0]),
        "state": table_cell(states[-1] if failed else bringing.wanted),
        "said": table_cell(said),
        "operations": table_cell(", ".join(bringing.operations) or "none"),
        "time": f"{now - begun:.1f} s",
        "link": link("in Studio", compute_url(workspace.path, name)),
        "course": _course(course, now),
        "differences": _differences(bringing.differences),
    }
    github.summarize(_SUMMARY, values)


def _course(course: Sequence[tuple[str, float]], now: float) -> str:
    """The states on the way, and how long each took; nothing if there was but one."""
    if len(course) < 2:  # noqa: PLR2004 - one is no way
        return ""
    ends = [since for _, since in course[1:]] + [now]
    stations = [f"{table_cell(state)} ({end - since:.1f} s)" for (state, since), end in zip(course, ends, strict=True)]
    left_out = ["…"] * (len(stations) > _MOST)
    return f"On the way: {' → '.join([*stations[:_MOST], *left_out])}"


def _differences(differences: Sequence[Difference]) -> str:
    if not differences:
        return ""
    rows = [
        f"| {table_cell(one.field)} | {table_cell(one.yaml)} | {table_cell(one.existing)} |"
        for one in differences[:_MOST]
    ]
    rows += [f"| … {len(differences) - _MOST} more | | |"] * (len(differences) > _MOST)
    return "\n".join(["| Differs | In the YAML | Found |", "|---|---|---|", *rows])
