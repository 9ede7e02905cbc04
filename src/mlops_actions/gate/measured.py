"""What the training of a model measured, and on which test data: read from the job that the model is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_actions import azure
from mlops_actions.aml import models
from mlops_actions.aml.job import AmlJob
from mlops_actions.aml.submission import valid_name
from mlops_actions.errors import ActionError
from mlops_actions.gate.comparison import Model
from mlops_actions.sdk_errors import reason

if TYPE_CHECKING:
    from azure.ai.ml import MLClient, entities

FINGERPRINT = "test_data_sha256"
"""MLflow parameter of a run that measured something on test data, or tag of a model: the digest of that data."""


@dataclass(frozen=True)
class Training:
    """The metrics of a model's training, and the fingerprint of its test data, if it is known and there is only one."""

    metrics: Mapping[str, float | None]
    fingerprint: str | None


@dataclass(frozen=True)
class Trained:
    """A model version of the workspace, the job that it is from, and what that measured; each None if it is unknown."""

    model: Model
    job: str | None
    training: Training | None


def find(
    client: MLClient,
    rest: azure.Rest,
    name: str | None,
    version: str | None,
    job_name: str | None = None,
    *,
    metrics: Mapping[str, float | None] | None = None,
) -> Trained:
    """The model that is meant, as fetch-model finds it; `metrics` count instead of those that its job logged.

    Raises ActionError if there is no such model.
    """
    entity = models.find(client, rest, name, version, job_name)
    tags = dict(entity.tags or {})
    job = job_name or tags.get(models.JOB_TAG) or entity.job_name
    training = training_of(rest, _checked(job, entity), tags) if job else None
    if metrics is not None:
        training = Training(metrics, training.fingerprint if training else tags.get(FINGERPRINT))
    return Trained(Model(str(entity.name), str(entity.version)), job, training)


def _checked(job: str, entity: entities.Model) -> str:
    """The job's name, which becomes part of a path. Raises ActionError for a tag that is none."""
    try:
        return valid_name(job)
    except ActionError as error:
        text = f"model {entity.name}:{entity.version} does not say which job it is from, by its tag `{models.JOB_TAG}`"
        raise ActionError(f"{text}: {error}") from None


@contextmanager
def reading(job: str, which: str = "") -> Iterator[None]:
    """Let a job that cannot be read be an error of one line. `which` says more of it."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    try:
        yield
    except AzureError as error:
        raise ActionError(f"job {job}{which} cannot be read: {reason(error)}") from error


def exists(rest: azure.Rest, job: str) -> bool:
    """Whether there is a job of that name. Raises ActionError for what is no name, or if it cannot be read."""
    with reading(job):
        return AmlJob(rest, valid_name(job)).status() is not None


def training_of(rest: azure.Rest, job: str, tags: Mapping[str, str]) -> Training | None:
    """What a job measured; None if there is no such job any more.

    What it logged as the fingerprint counts more than a tag, which anybody may set. Raises ActionError if the job
    cannot be read.
    """
    metrics: dict[str, float | None] = {}
    fingerprints = set()
    with reading(job, ", which the model is from,"):
        found = AmlJob(rest, job)
        if found.status() is None:
            return None
        for measurement in found.measurements():
            metrics.update(measurement.metrics)
            fingerprints.update({measurement.params[FINGERPRINT]} if FINGERPRINT in measurement.params else set())
    if not fingerprints and FINGERPRINT in tags:
        fingerprints.add(tags[FINGERPRINT])
    return Training(metrics, fingerprints.pop() if len(fingerprints) == 1 else None)
