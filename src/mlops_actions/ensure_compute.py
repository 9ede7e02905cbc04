"""Brings a compute instance or cluster to a state: looks first, acts only where it must, waits until it is there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from mlops_actions import azure, definitions, github
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.compute.bringing import Bringing, OnDifference, Rules
from mlops_actions.compute.report import summarize_compute
from mlops_actions.compute.states import ComputeState
from mlops_actions.errors import ActionError
from mlops_actions.resource_names import plain_name


@dataclass(frozen=True)
class EnsuredCompute:
    """The compute and the state that it is in, and what was done and found on the way there.

    `differences` has an object for each field that differs from the YAML (`field`, `yaml`, `existing`); `jobs` names
    those for which the compute was left as it is, or started again.
    """

    name: str
    state: ComputeState
    changed: bool
    differences: list[dict[str, object]]
    jobs: list[str]


def ensure_compute(
    *,
    file: Path | None = None,
    name: str | None = None,
    state: ComputeState = "running",
    timeout_minutes: float = 20,
    only_if_idle: bool = True,
    recreate: bool = False,
    on_difference: OnDifference = "update",
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> EnsuredCompute:
    """Bring a compute instance or cluster to a state, creating it from its YAML if it is missing.

    Args:
        file: YAML of the compute, to create it from if it is missing
        name: name of the compute, if there is no file or another name is wanted
        state: state to bring it to, one of running, stopped, deleted; a cluster that exists counts as running
        timeout_minutes: how long that may take
        only_if_idle: stop or delete it only when no job uses it; else leave it as it is, and say which jobs do
        recreate: delete a compute that is beyond repair, such as one that is CreateFailed, and create it anew
        on_difference: what follows from a difference from the YAML, one of update (a cluster is rescaled), report, fail
        sign_in: where the workspace is and how to sign in

    """
    if timeout_minutes <= 0:
        raise ActionError("timeout-minutes must be more than 0")
    definition = definitions.read(file, "compute") if file else {}
    name = name or definition.get("name")
    if not name:
        missing = f"{file} has no name" if file else "neither file nor name is given"
        raise ActionError(f"{missing}: say which compute is meant", file=str(file) if file else None)
    plain_name("compute", str(name))
    workspace = azure.workspace(sign_in)
    rules = Rules(state, only_if_idle, recreate, on_difference)
    bringing = Bringing(workspace, name, rules, file, definition)
    begun = time.monotonic()
    try:
        bringing.until_done(timeout_minutes * 60)
    except ActionError as error:
        summarize_compute(bringing, workspace, str(name), f"failed: {error}", failed=True, begun=begun)
        raise
    found = [difference.as_output() for difference in bringing.differences]
    jobs = [use.job for use in bringing.jobs]
    result = EnsuredCompute(name, bringing.wanted, bringing.changed, found, jobs)
    said = "done" if result.changed else "nothing had to be done"
    if bringing.jobs:
        said += f"; used by {', '.join(result.jobs)}"
    github.progress(f"compute {name} is {result.state}: {said}")
    summarize_compute(bringing, workspace, name, said, failed=False, begun=begun)
    return result
