"""Submits a pipeline job, follows it to its end, and tells what it registered and measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlops_actions import azure, definitions, github
from mlops_actions.aml import attempts
from mlops_actions.aml.following import Failure, cancelled, failure, follow
from mlops_actions.aml.job import CANCEL_REQUESTED, COMPLETED, TERMINAL, AmlJob
from mlops_actions.aml.models import JOB_TAG, registered_model
from mlops_actions.aml.report import Outcome, summarize_job
from mlops_actions.aml.submission import Pipeline, default_name, lineage, valid_name
from mlops_actions.attended_jobs import attending
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.definition_files import confine_definition
from mlops_actions.errors import ActionError
from mlops_actions.interruption import interruptible
from mlops_actions.sdk_errors import reason


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
    retries: int = 0,
    cancel_on_interrupt: bool = True,
    cancel_on_timeout: bool = True,
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> PipelineRun:
    """Submit a pipeline, stream its nodes' logs, wait for its end, and fail if the job did not complete.

    Args:
        file: YAML of the pipeline job
        job_name: name of the job, <pipeline>-<sha>-<run_id> by default; if there is such a job it is followed
        inputs: inputs of the pipeline to override, key=value a line or a JSON object
        compute: compute to run on instead of the pipeline's default_compute
        experiment: experiment to run in instead of the one in the file
        timeout_minutes: how long to wait for the job before it is cancelled
        wait: whether to wait for the job's end; without it the metrics and the model of a job that runs are not known
        retries: how often, at most, to submit the job again after a failure of Azure's (no machines, preemption, image,
            storage), never of its own code; its name is then <job-name>-retry-1 and so on
        cancel_on_interrupt: whether the job is cancelled when this step is
        cancel_on_timeout: whether the job is cancelled after timeout-minutes; if not, the step ends with its status
        sign_in: where the workspace is and how to sign in

    """
    if timeout_minutes <= 0:
        raise ActionError("timeout-minutes must be more than 0")
    if not 0 <= retries <= attempts.MOST_RETRIES:
        raise ActionError(f"retries must be from 0 to {attempts.MOST_RETRIES}")
    deadline = time.monotonic() + timeout_minutes * 60
    if job_name:
        valid_name(job_name, retried=retries > 0)
    confine_definition(file, definitions.read(file, "pipeline"), inputs)
    pipeline = Pipeline(file, inputs or {}, compute, experiment)
    workspace = azure.workspace(sign_in)
    rest = azure.Rest(workspace)
    with _errors_as_one_line(job_name or str(file)):
        name = job_name or default_name(file, rest)
    call = _Call(pipeline, workspace, rest, name, deadline if wait else None, retries, cancel_on_timeout)
    with _errors_as_one_line(name), attending() as attend, interruptible():
        if wait and cancel_on_interrupt:
            call.attend = attend
        try:
            return call.perform()
        except (KeyboardInterrupt, BrokenPipeError) as interruption:
            raise call.interrupted(interruption, cancel=cancel_on_interrupt) from None


@dataclass
class _Call:
    """What is to be run, under what name, until when (None: without waiting), and the job that it has come to."""

    pipeline: Pipeline
    workspace: azure.Workspace
    rest: azure.Rest
    name: str
    deadline: float | None
    retries: int
    cancel_on_timeout: bool
    job: AmlJob | None = None
    submitting: bool = False
    attend: Callable[[str], None] | None = None

    def perform(self) -> PipelineRun:
        """Submit the job or find it, follow it to its end, and again if it failed for the infrastructure's sake.

        Raises PipelineFailedError if it did not complete.
        """
        # There is one already if this is the same run's, whose runner was lost, or if an earlier call did not wait.
        number, _ = attempts.latest(self.rest, self.name) or (0, "")
        while True:
            job = self.job = AmlJob(self.rest, attempts.attempt_name(self.name, number))
            run = self._begun(job)
            if self.deadline is None and run.status not in TERMINAL:
                return _summarized(job, run)
            status = follow(job, self.deadline or time.monotonic())
            if status is None:
                return self._timed_out(job, run)
            run = replace(run, status=status, metrics=job.metrics())
            if status == COMPLETED:
                return _summarized(job, _with_model(job, run, self.workspace))
            why = failure(job, status)
            if not why.infrastructure or number >= self.retries:
                raise PipelineFailedError(why.reason, _summarized(job, run, why))
            number += 1
            again = f"(retry {number} of {self.retries}, after {', '.join(sorted(set(why.infrastructure)))})"
            github.annotate("warning", f"{why.reason}; it is submitted again {again}")

    def interrupted(self, interruption: BaseException, *, cancel: bool) -> PipelineFailedError:
        """The end of a step that is cancelled: nobody would wait for the job, and it would go on to cost."""
        if self.job is None:
            return PipelineFailedError(
                f"interrupted ({interruption}): job {self.name} was not submitted", PipelineRun(self.name, "", "")
            )
        if cancel:
            status, what = CANCEL_REQUESTED, cancelled(self.job, submitting=self.submitting)
        else:
            status, what = "", "is left to itself (cancel-on-interrupt is false)"
        text = f"interrupted ({interruption}): job {self.job.name} {what}"
        return PipelineFailedError(text, PipelineRun(self.job.name, status, ""))

    def _begun(self, job: AmlJob) -> PipelineRun:
        """Submit the job, unless it is there."""
        properties = job.properties()
        if self.attend is not None:
            self.attend(job.name)
        if properties is None:
            self.submitting = True
            retry_of = {} if job.name == self.name else {"retry-of": self.name}
            self.pipeline.submit(azure.ml_client(self.workspace), job.name, {**lineage(), **retry_of})
            self.submitting = False
        else:
            self.pipeline.check_same(job.name, properties)
            github.progress(f"job {job.name} exists ({properties['status']}): it is followed, not submitted again")
        url = job.studio_url()
        github.progress(f"job {job.name}: {url}")
        return PipelineRun(job.name, job.status() or "", url)

    def _timed_out(self, job: AmlJob, run: PipelineRun) -> PipelineRun:
        late = f"job {job.name} had not ended in time (timeout-minutes) and"
        if not self.cancel_on_timeout:
            github.annotate("notice", f"{late} runs on: a later call with job-name {self.name} follows it")
            return _summarized(job, replace(run, status=job.status() or ""))
        text = f"{late} {cancelled(job)}"
        raise PipelineFailedError(text, _summarized(job, replace(run, status=CANCEL_REQUESTED), Failure(text, "")))


def _with_model(job: AmlJob, run: PipelineRun, workspace: azure.Workspace) -> PipelineRun:
    """Find the model that the job registered, and tag it with what made it."""
    client = azure.ml_client(workspace)
    model = registered_model(client, job)
    if model is None:
        return run
    entity = client.models.get(model.name, model.version)
    entity.tags = {**(entity.tags or {}), JOB_TAG: job.name, **lineage()}
    client.models.create_or_update(entity)
    github.progress(f"registered model {model.name}:{model.version}")
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
    model = f"{run.model_name}:{run.model_version}" if run.model_name else None
    summarize_job(job, Outcome(run.status, run.studio_url, model, run.metrics, why))
    return run
