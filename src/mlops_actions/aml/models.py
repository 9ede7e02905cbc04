"""Model versions: which one is meant, and the very one that a job registered."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_actions import azure
from mlops_actions.aml.job import AmlJob
from mlops_actions.aml.stored_models import LATEST
from mlops_actions.errors import ActionError
from mlops_actions.resource_names import is_job_name, plain_name
from mlops_actions.sdk_errors import reason

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import Model

JOB_TAG = "job"
"""Tag of a model with the name of the job that registered it."""

_REGISTRATION = "registration_details"
_REGISTRATION_FILE = "model_registration_details.json"


@dataclass(frozen=True)
class RegisteredModel:
    """A model version that a job registered."""

    name: str
    version: str


def check_named(name: str | None, version: str | None, job_name: str | None) -> None:
    """Raise ActionError unless the inputs name a model."""
    if not job_name and not (name and version):
        raise ActionError("which model is meant? give name and version (a number or latest), or job-name")
    for what, given in {"name": name, "version": version, "job-name": job_name}.items():
        if given:
            plain_name(what, given)


def find(client: MLClient, rest: azure.Rest, name: str | None, version: str | None, job_name: str | None) -> Model:
    """The model version that is meant: by its name and version (or latest), or as the one that a job registered.

    Raises ActionError if there is none.
    """
    from azure.ai.ml.exceptions import MlException, ValidationErrorType  # noqa: PLC0415 - slow to import
    from azure.core.exceptions import AzureError, ResourceNotFoundError  # noqa: PLC0415

    try:
        if job_name:
            model = registered_model(client, AmlJob(rest, job_name))
            if model is None:
                raise ActionError(
                    f"job {job_name} has no node that registers a model, or binds its details to no output"
                )
            if (name or model.name, version or model.version) not in {
                (model.name, model.version),
                (model.name, LATEST),
            }:
                raise ActionError(f"job {job_name} registered {model.name}:{model.version}, not {name}:{version}")
            name, version = model.name, model.version
        which = {"label": LATEST} if version == LATEST else {"version": str(version)}
        found: Model = client.models.get(str(name), **which)
    except (AzureError, MlException) as error:
        # Of a version the service says it, of `latest` the SDK.
        missing = getattr(error, "error_type", None) == ValidationErrorType.RESOURCE_NOT_FOUND
        if missing or isinstance(error, ResourceNotFoundError):
            raise ActionError(f"model {name}:{version} does not exist in workspace {client.workspace_name}") from None
        raise ActionError(f"model {name}:{version} cannot be found: {reason(error)}") from error
    return found


def registered_model(client: MLClient, job: AmlJob) -> RegisteredModel | None:
    """The very model that the job registered, by what its register node wrote down; None if it has no such node.

    The component register_model of the registry azureml writes `model_registration_details.json` into its output
    (Azure/azureml-assets, assets/common/src/register.py); this reads the pipeline output that it is bound to.
    Raises ActionError if there is no such job, or the file cannot be had.
    """
    from azure.ai.ml.exceptions import MlException  # noqa: PLC0415 - slow to import
    from azure.core.exceptions import AzureError  # noqa: PLC0415

    properties = job.properties()
    if properties is None:
        raise ActionError(f"job {job.name} does not exist in workspace {client.workspace_name}")
    output = _registration_output(properties)
    if output is None:
        return None
    try:
        with tempfile.TemporaryDirectory() as folder:
            client.jobs.download(job.name, download_path=folder, output_name=output)
            files = sorted(Path(folder).rglob(_REGISTRATION_FILE))
            details = json.loads(files[0].read_text(encoding="utf-8")) if files else {}
    except (AzureError, MlException, OSError, ValueError) as error:
        raise ActionError(f"the output {output} of job {job.name} cannot be read: {reason(error)}") from error
    if not (details.get("name") and details.get("version")):
        raise ActionError(f"the output {output} of job {job.name} names no model: was its register node run?")
    # The file has the name as it was given; the id has it as it was registered.
    name = str(details.get("id") or "").partition("/models/")[2].partition("/")[0] or details["name"]
    # The job wrote the file: what is in it may be anything.
    what = f"the output {output} of job {job.name} names a model that"
    return RegisteredModel(plain_name(what, str(name)), plain_name(what, str(details["version"])))


def job_of(tags: Mapping[str, str]) -> str | None:
    """The job that a model's tags say it is from. Anybody may write tags: what is no job's name is none."""
    name = tags.get(JOB_TAG)
    return name if name and is_job_name(name) else None


def _registration_output(properties: Mapping[str, Any]) -> str | None:
    """The pipeline output that a node's registration details go to."""
    for node in (properties.get("jobs") or {}).values():
        for name, bound in (node.get("outputs") or {}).items():
            value = str((bound or {}).get("value") or "")
            if name.startswith(_REGISTRATION) and value.startswith("${{parent.outputs."):
                return value.removeprefix("${{parent.outputs.").removesuffix("}}").strip()
    return None
