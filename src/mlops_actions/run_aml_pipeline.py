"""Submits a pipeline job, follows it to its end, and tells what it registered and measured."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlops_actions import azure, github
from mlops_actions.aml.following import Failure, cancelled, failure, follow, say
from mlops_actions.aml.job import COMPLETED, JOB_TAG, AmlJob, registered_model
from mlops_actions.aml.submission import Pipeline, default_name, lineage, valid_name
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.errors import ActionError
from mlops_actions.interruption import interruptible
from mlops_actions.sdk_errors import reason

_SUMMARY = Path(__file__).parents[2] / "actions" / "run-aml-pipeline" / "summary.md"
_CANCELLED = "CancelRequested"


@dataclass(frozen=True)
class PipelineRun:
    """A job and what came of it; the model is the one that the job registered, the metrics those of its nodes."""

    job_name: str
    status: str
    studio_url: str
    model_name: str | None = None
    model_version: str | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)


class PipelineFailedError(ActionError):
    """The job did not complete; `outputs` are valid all the same."""

    def __init__(self, message: str, outputs: PipelineRun) -> None:
        super().__init__(message)
        self.outputs = outputs


def run_aml_pipeline(
    *,
    file: Path,
    job_name: str | None = None,
    inputs: Mapping[str, str] | None = None,
    compute: str | None = None,
    experiment: str | None = None,
    timeout_minutes: float = 350,
    wait: bool = True,
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> PipelineRun:
    """Submit a pipeline, stream its nodes' logs, wait for its end, and fail if the job did not complete.

    Args:
        file: YAML of the pipeline job
        job_name: name of the job, <pipeline>-<sha>-<run_id> by default; if there is such a job it is followed
        inputs: inputs of the pipeline to override, key=value a line
        compute: compute to run on instead of the pipeline's default_compute
        experiment: experiment to run in instead of the one in the file
        timeout_minutes: how long to wait for the job before it is cancelled
        wait: whether to wait for the job's end; without it the metrics and the model are not known yet
        sign_in: where the workspace is and how to sign in

    """
    if timeout_minutes <= 0:
        raise ActionError("timeout-minutes must be more than 0")
    deadline = time.monotonic() + timeout_minutes * 60
    if job_name:
        valid_name(job_name)
    pipeline = Pipeline(file, inputs or {}, compute, experiment)
    workspace = azure.workspace(sign_in)
    rest = azure.Rest(workspace)
    with _errors_as_one_line(job_name or str(file)):
        job = AmlJob(rest, job_name or default_name(file, rest))
    with _errors_as_one_line(job.name), interruptible():
        try:
            run = _begun(pipeline, job, workspace)
            return _ended(job, run, workspace, deadline) if wait else _summarized(job, run)
        except (KeyboardInterrupt, BrokenPipeError) as interruption:
            # Nobody would wait for the job, and it would go on to cost.
            text = f"interrupted ({interruption}): job {job.name} {cancelled(job)}"
            raise PipelineFailedError(text, PipelineRun(job.name, _CANCELLED, "")) from None


def _begun(pipeline: Pipeline, job: AmlJob, workspace: azure.Workspace) -> PipelineRun:
    """Submit the job, or find it submitted: then it is the same run's, whose runner was lost."""
    properties = job.properties()
    if properties is None:
        pipeline.submit(azure.ml_client(workspace), job.name)
    else:
        pipeline.check_same(job.name, properties)
        say(f"job {job.name} exists ({properties['status']}): it is followed, not submitted again")
    url = job.studio_url()
    say(f"job {job.name}: {url}")
    return PipelineRun(job.name, job.status() or "", url)


def _ended(job: AmlJob, run: PipelineRun, workspace: azure.Workspace, deadline: float) -> PipelineRun:
    status = follow(job, deadline)
    if status is None:
        run = replace(run, status=_CANCELLED)
        text = f"job {job.name} had not ended in time (timeout-minutes) and {cancelled(job)}"
        raise PipelineFailedError(text, _summarized(job, run, Failure(text, "")))
    run = replace(run, status=status, metrics=job.metrics())
    if status != COMPLETED:
        why = failure(job, status)
        raise PipelineFailedError(why.reason, _summarized(job, run, why))
    return _summarized(job, _with_model(job, run, workspace))


def _with_model(job: AmlJob, run: PipelineRun, workspace: azure.Workspace) -> PipelineRun:
    """Find the model that the job registered, and tag it with what made it."""
    client = azure.ml_client(workspace)
    model = registered_model(client, job)
    if model is None:
        return run
    entity = client.models.get(model.name, model.version)
    entity.tags = {**(entity.tags or {}), JOB_TAG: job.name, **lineage()}
    client.models.create_or_update(entity)
    say(f"registered model {model.name}:{model.version}")
    return replace(run, model_name=model.name, model_version=model.version)


@contextmanager
def _errors_as_one_line(what: str) -> Iterator[None]:
    from azure.ai.ml.exceptions import MlException  # noqa: PLC0415 - slow to import
    from azure.core.exceptions import AzureError  # noqa: PLC0415

    try:
        yield
    except (AzureError, MlException) as error:
        raise ActionError(f"job {what}: {reason(error)}") from error


def _summarized(job: AmlJob, run: PipelineRun, why: Failure | None = None) -> PipelineRun:
    cell = github.table_cell
    nodes = [f"| {cell(node.name)} | {cell(node.shown)} |" for node in job.nodes()]
    metrics = [
        f"| {cell(name)} | {'not a finite number' if value is None else f'{value:.4g}'} |"
        for name, value in sorted(run.metrics.items())
    ]
    detail = f"{why.reason}\n\n{why.log}" if why else ""
    values = {
        "job": cell(run.job_name),
        "status": cell(run.status),
        "url": run.studio_url,
        "model": cell(f"{run.model_name}:{run.model_version}" if run.model_name else "none"),
        "nodes": "\n".join(nodes or ["| none | |"]),
        "metrics": "\n".join(metrics or ["| none | |"]),
        "detail": "".join(f"    {line}\n" for line in detail.strip().splitlines()),  # code, whatever it contains
    }
    github.summarize(_SUMMARY, values)
    return run
