"""Follows a job to its end, showing what its nodes say; and ends the job when nobody waits for it any more."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from mlops_actions import github
from mlops_actions.aml.job import TERMINAL, AmlJob
from mlops_actions.errors import ActionError
from mlops_actions.sdk_errors import reason

_POLL_SECONDS = (1.0, 10.0)
_WITH_LOGS = {"Running", "CancelRequested", "Finalizing", *TERMINAL}
_TAIL = 40


def follow(job: AmlJob, deadline: float) -> str | None:
    """Print the nodes' states and logs until the job ends; its status, or None if the time was up first."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    states: dict[str, str] = {}
    pause, longest = _POLL_SECONDS
    started_by = os.getppid()
    while True:
        status: str | None = None
        try:
            status = job.status()
            if status is None:
                raise ActionError(f"job {job.name} does not exist any more")
            _show_news(job, states)
        except AzureError as error:
            # azure-core has retried already; the job does not mind, so neither does this.
            say(f"the job cannot be read for the moment: {reason(error)}")
            status = None
        if status in TERMINAL:
            return status
        if time.monotonic() > deadline:
            return None
        if github.on_runner() and os.getppid() != started_by:
            raise KeyboardInterrupt("the runner ended")
        time.sleep(min(pause, max(deadline - time.monotonic(), 0)))
        pause = min(pause * 1.2, longest)


def _show_news(job: AmlJob, states: dict[str, str]) -> None:
    for node in job.nodes():
        if states.get(node.run_id) in TERMINAL:
            continue
        if node.status in _WITH_LOGS and (lines := list(job.new_log_lines(node))):
            # What a job prints is shown, and never obeyed as a command to the runner.
            with github.untrusted_lines():
                say("\n".join(f"[{node.name}] {line}" for line in lines))
        if states.get(node.run_id) != node.status:
            say(f"node {node.name}: {node.shown}")
        states[node.run_id] = node.status


@dataclass(frozen=True)
class Failure:
    """Why a job did not complete, in one line, and the last lines of what failed."""

    reason: str
    log: str


def failure(job: AmlJob, status: str) -> Failure:
    """The failed nodes, their errors, and the last lines of their logs, which are shown too."""
    failed = [node for node in job.nodes() if node.status == "Failed"]
    logs = []
    for node in failed:
        log = "\n".join(job.log_tail(node, _TAIL))
        with github.group(f"the last lines of node {node.name}"), github.untrusted_lines():
            say(log)
        logs.append(f"node {node.name}:\n{log}")
    reasons = [f"node {node.name} failed: {job.error(node.run_id) or 'it says no reason'}" for node in failed]
    said = "; ".join(reasons) or job.error(job.name) or "it says no reason"
    return Failure(f"job {job.name} is {status}: {said}", "\n\n".join(logs))


def cancelled(job: AmlJob) -> str:
    """Cancel the job; how that went, to go after "job X"."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    try:
        return "was cancelled" if job.cancel() else "was not submitted"
    except AzureError as error:
        return f"could not be cancelled ({reason(error)}) and may still run: cancel it in the Studio"


def say(line: str) -> None:
    """Show a line of progress."""
    print(line, flush=True)  # noqa: T201 - progress is this command's output
