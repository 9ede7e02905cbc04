"""What a data asset or model is registered with when its path names a job's output: where that is, and which job's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...context import Context
from ...errors import ServiceError, bad_request
from ..stopping import JobFailed
from . import outputs, storage

_OF_JOBS = ("azureml://jobs/", "azureml://locations/", "runs:/")


def completed(context: Context, properties: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The properties with a datastore's URI for a job's in `field`, its `jobName`, and an mlflow_model's flavors.

    Raises ServiceError (400) for an output that is not there.
    """
    uri = properties.get(field)
    if not isinstance(uri, str):
        return dict(properties)
    found: dict[str, Any] = dict(properties)
    if uri.startswith(_OF_JOBS):
        located = _located(context, uri)
        found[field] = uri = located.uri
        if field == "modelUri" and located.job and not properties.get("jobName"):
            found["jobName"] = located.job
    if properties.get("modelType") == "mlflow_model" and not properties.get("flavors"):
        found["flavors"] = _flavors(context, uri)
    return found


def _located(context: Context, uri: str) -> storage.Located:
    try:
        return storage.find(context, uri)
    except ServiceError as error:
        raise bad_request(error.message, error.code) from error


def _flavors(context: Context, uri: str) -> dict[str, Any]:
    try:
        return outputs.flavors(context, uri)
    except ServiceError:
        return {}  # Not in the workspace's storage: the service does not look there either.
    except JobFailed as error:
        raise bad_request(error.message, error.code) from error
