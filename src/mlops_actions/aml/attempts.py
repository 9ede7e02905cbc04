"""The jobs that one call stands for: the first under its own name, those after it as `<name>-retry-<n>`."""

from __future__ import annotations

from mlops_actions import azure
from mlops_actions.aml.job import AmlJob

MOST_RETRIES = 9
SUFFIX_LENGTH = len("-retry-9")


def attempt_name(name: str, number: int) -> str:
    """The name of the job that is retry `number` of job `name`; 0 is that job itself."""
    return f"{name}-retry-{number}" if number else name


def latest(rest: azure.Rest, name: str) -> tuple[int, str] | None:
    """The number and the status of the last job there is of those that the call `name` stands for; None if none."""
    found = None
    for number in range(MOST_RETRIES + 1):
        status = AmlJob(rest, attempt_name(name, number)).status()
        if status is None:
            break
        found = (number, status)
    return found
