"""What the training of a model measured, and on which test data: read from the job that the model is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_actions import azure
from mlops_actions.aml.job import AmlJob
from mlops_actions.errors import ActionError

FINGERPRINT = "test_data_sha256"
"""MLflow parameter of a run that measured something on test data, or tag of a model: the digest of that data."""


@dataclass(frozen=True)
class Training:
    """The metrics of a model's job, and the fingerprint of the test data if it is known and there is only one."""

    metrics: Mapping[str, float | None]
    fingerprint: str | None


def training_of(rest: azure.Rest, job: str, tags: Mapping[str, str]) -> Training:
    """Read the job; what it logged as the fingerprint counts more than a tag, which anybody may set.

    Raises ActionError if there is no such job.
    """
    found = AmlJob(rest, job)
    if found.status() is None:
        raise ActionError(f"job {job}, which the model is from, does not exist any more: give its metrics as JSON")
    metrics: dict[str, float | None] = {}
    fingerprints = set()
    for measurement in found.measurements():
        metrics.update(measurement.metrics)
        if FINGERPRINT in measurement.params:
            fingerprints.add(measurement.params[FINGERPRINT])
    if not fingerprints and FINGERPRINT in tags:
        fingerprints.add(tags[FINGERPRINT])
    return Training(metrics, fingerprints.pop() if len(fingerprints) == 1 else None)
