"""A pipeline's YAML, what a caller changes in it, and its submission as a job of a given name."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_actions import azure, definitions, github
from mlops_actions.aml import attempts
from mlops_actions.aml.job import CANCEL_REQUESTED, COMPLETED, TERMINAL, AmlJob
from mlops_actions.aml.references import check_references
from mlops_actions.errors import ActionError
from mlops_actions.resource_names import LONGEST_JOB_NAME, is_job_name, part_of_job_name
from mlops_actions.sdk_errors import in_definition

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

_CANCELLATION_SECONDS, _POLL_SECONDS = 180.0, 2.0
_DATA = frozenset({"uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model"})


def valid_name(name: str, *, retried: bool = False) -> str:
    """The name, if Azure ML takes it (and those of its retries) for a job's; raises ActionError otherwise."""
    if retried and len(name) > LONGEST_JOB_NAME - attempts.SUFFIX_LENGTH:
        raise ActionError(f"job-name '{name[:80]}' is too long for retries, which are called {name[:20]}…-retry-1")
    if not is_job_name(name):
        text = f"letters, digits, '_' and '-', no more than {LONGEST_JOB_NAME}, the first a letter or a digit"
        raise ActionError(f"job-name '{name[:80]}' is not a name for a job: {text}")
    return name


def default_name(file: Path, rest: azure.Rest) -> str:
    """`<pipeline>-<sha>-<run_id>`.

    When a run is tried again, its former attempt's job is the one meant, unless that ended badly: then there has to be
    another, `<pipeline>-<sha>-<run_id>-<attempt>`. The end of one that was cancelled is waited for.
    """
    base = _base_name(file)
    attempt = int(os.environ.get("GITHUB_RUN_ATTEMPT") or 1)
    names = [f"{base}-{number}" for number in range(attempt, 1, -1)]
    for name in [*names, base] if names else []:
        if (latest := attempts.latest(rest, name)) is not None:
            number, status = latest
            if status == CANCEL_REQUESTED:
                status = _status_of_cancelled(AmlJob(rest, attempts.attempt_name(name, number)))
            ended_badly = status in TERMINAL and status != COMPLETED
            return names[0] if ended_badly else name
    return base


def _status_of_cancelled(job: AmlJob) -> str:
    """The status of a job that is being cancelled, once it has ended or that takes too long."""
    github.progress(f"job {job.name} of the attempt before is being cancelled: its end is waited for")
    deadline = time.monotonic() + _CANCELLATION_SECONDS
    while (status := job.status()) == CANCEL_REQUESTED and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return status or "Canceled"  # one that was deleted meanwhile is no more to be followed either


def _base_name(file: Path) -> str:
    sha = os.environ.get("GITHUB_SHA") or "local"
    run_id = os.environ.get("GITHUB_RUN_ID") or time.strftime("%Y%m%d%H%M%S")
    stem = part_of_job_name(file.stem) or "pipeline"
    room = LONGEST_JOB_NAME - len(f"-{sha}-{run_id}-999") - attempts.SUFFIX_LENGTH
    return f"{stem[:room]}-{sha}-{run_id}"


def lineage() -> dict[str, str]:
    """What made the job: tags that lead from it back to the commit and the run."""
    known = {
        "repository": os.environ.get("GITHUB_REPOSITORY"),
        "commit": os.environ.get("GITHUB_SHA"),
        "run-url": github.run_url(),
        "actor": os.environ.get("GITHUB_ACTOR"),
    }
    return {name: value for name, value in known.items() if value}


class Pipeline:
    """A pipeline's YAML with a caller's changes. Raises ActionError for what is wrong with either."""

    def __init__(self, file: Path, inputs: Mapping[str, str], compute: str | None, experiment: str | None) -> None:
        self.file = file
        self._inputs = inputs
        definition = definitions.read(file, "pipeline")
        if definition.get("type", "pipeline") != "pipeline" or not isinstance(definition.get("jobs"), dict):
            text = f"{file} is not a pipeline job: it needs type: pipeline, and jobs"
            raise ActionError(text, file=str(file), line=1)
        check_references(file, definition)
        self._compute = compute
        self._changes = [*self._input_changes(definition.get("inputs") or {})]
        if compute:
            target = compute if ":" in compute else f"azureml:{compute}"
            self._changes.append({"settings.default_compute": target})
            if "compute" in definition:  # the other way to say it
                self._changes.append({"compute": target})
        if experiment:
            self._changes.append({"experiment_name": experiment})

    def _input_changes(self, known: Mapping[str, Any]) -> list[dict[str, str]]:
        changes = []
        for name, value in self._inputs.items():
            if name not in known:
                names = ", ".join(known) or "none"
                text = f"the pipeline {self.file} has no input '{name}'; it has {names}"
                raise ActionError(text, file=str(self.file), line=definitions.line_of(self.file, "inputs"))
            # Typed inputs are mappings, whose value is at path (data) or default (literals).
            inside = known[name] if isinstance(known[name], dict) else None
            is_data = inside is not None and ("path" in inside or str(inside.get("type")) in _DATA)
            suffix = "" if inside is None else ".path" if is_data else ".default"
            changes.append({f"inputs.{name}{suffix}": value})
        return changes

    def submit(self, client: MLClient, name: str, tags: Mapping[str, str]) -> None:
        """Submit it as the job called `name`, with tags beside its own. Raises ActionError with Azure ML's reason."""
        from azure.ai.ml import load_job  # noqa: PLC0415 - slow to import
        from azure.ai.ml.exceptions import MlException  # noqa: PLC0415
        from azure.core.exceptions import AzureError  # noqa: PLC0415
        from marshmallow import ValidationError  # noqa: PLC0415

        try:
            job = load_job(str(self.file), params_override=self._changes)
            job.name = name
            job.tags = {**(job.tags or {}), **tags}
            client.jobs.create_or_update(job)
        except (AzureError, MlException, ValidationError, OSError, KeyError, TypeError, ValueError) as error:
            told = in_definition(error, self.file, "was not submitted")
            if self._compute and self._compute.removeprefix("azureml:") in str(told):
                told = ActionError(f"{told} (the input compute says so)")
            raise told from error

    def check_same(self, name: str, properties: Mapping[str, Any]) -> None:
        """Raise ActionError if the job called `name`, which exists, was submitted with other inputs."""
        submitted = properties.get("inputs") or {}
        for key, value in self._inputs.items():
            found = submitted.get(key) or {}
            if found.get("jobInputType") == "literal" and found.get("value") != value:
                raise ActionError(
                    f"job {name} exists, with {key}={found.get('value')} and not {value}: give another job-name"
                )
