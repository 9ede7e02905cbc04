"""Follows a job to its end, showing what its nodes say; and ends the job when nobody waits for it any more."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from mlops_actions import github
from mlops_actions.aml.infrastructure import failure_code
from mlops_actions.aml.job import FAILED, TERMINAL, AmlJob
from mlops_actions.aml.node_logs import NodeLogs
from mlops_actions.errors import ActionError
from mlops_actions.sdk_errors import reason

_POLL_SECONDS = (1.0, 10.0)
_TAIL = 40
# GitHub grants 7.5 seconds between SIGINT and SIGTERM.
_SECONDS_TO_CANCEL, _SECONDS_TO_APPEAR, _POLL_TO_CANCEL = 3, 3, 0.2


def follow(job: AmlJob, deadline: float) -> str | None:
    """Print the nodes' states and logs until the job ends; its status, or None if the time was up first."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    logs = NodeLogs(job)
    try:
        status = _followed(job, logs, deadline)
        try:
            logs.show_rest()
        except AzureError as error:
            github.progress(f"the rest of the nodes' logs cannot be read: {reason(error)}")
        return status
    finally:
        logs.close()


def _followed(job: AmlJob, logs: NodeLogs, deadline: float) -> str | None:
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    pause, longest = _POLL_SECONDS
    started_by = os.getppid()
    while True:
        status: str | None = None
        try:
            status = job.status()
            if status is None:
                raise ActionError(f"job {job.name} does not exist any more")
            logs.show()
        except AzureError as error:
            # azure-core has retried already; the job does not mind, so neither does this.
            github.progress(f"the job cannot be read for the moment: {reason(error)}")
            status = None
        if status in TERMINAL:
            return status
        if time.monotonic() > deadline:
            return None
        if github.on_runner() and os.getppid() != started_by:
            raise KeyboardInterrupt("the runner ended")
        time.sleep(min(pause, max(deadline - time.monotonic(), 0)))
        pause = min(pause * 1.2, longest)


@dataclass(frozen=True)
class Failure:
    """Why a job did not complete, in one line, and the last lines of what failed.

    `infrastructure` are the codes of the failures if none of them is the fault of what was run.
    """

    reason: str
    log: str
    infrastructure: tuple[str, ...] = ()


def failure(job: AmlJob, status: str) -> Failure:
    """The failed nodes, their errors, and the last lines of their logs, which are shown too."""
    logs, reasons, codes = [], [], []
    for name, run_id in job.failed_runs():
        error = job.error(run_id)
        said = " ".join(str(error.get("message") or "it says no reason").split())
        codes.append(failure_code(error))
        reasons.append(f"node {name} failed: {said}" if name else said)
        if name:
            log = "\n".join(job.log_tail(run_id, _TAIL))
            with github.group(f"the last lines of node {name}"), github.untrusted_lines():
                github.progress(log)
            logs.append(f"node {name}:\n{log}")
    text = f"job {job.name} is {status}: {'; '.join(reasons)}"
    infrastructure = tuple(code for code in codes if code) if status == FAILED and all(codes) else ()
    return Failure(text, "\n\n".join(logs), infrastructure)


def cancelled(job: AmlJob, *, submitting: bool = False) -> str:
    """Cancel the job; how that went, to go after "job X".

    While it is `submitting`, the job may come to be after it was first looked for. All this takes no longer than a
    runner grants that cancels a step.
    """
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    deadline = time.monotonic() + (_SECONDS_TO_APPEAR if submitting else 0)
    try:
        while not job.cancel(_SECONDS_TO_CANCEL):
            if time.monotonic() > deadline:
                return "was not submitted"
            time.sleep(_POLL_TO_CANCEL)
    except AzureError as error:
        return f"could not be cancelled ({reason(error)}) and may still run: cancel it in the Studio"
    return "was cancelled"
