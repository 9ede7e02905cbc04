"""Submits a pipeline job, follows it to its end, and tells what it registered and measured."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import yaml

from mlops_actions import azure, definitions, github
from mlops_actions.aml_job import COMPLETED, TERMINAL, AmlJob, Node, registered_model
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.errors import ActionError

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

_SUMMARY = Path(__file__).parents[2] / "actions" / "run-aml-pipeline" / "summary.md"
_POLL_SECONDS = (1.0, 10.0)
_TAIL = 40
_NAME_LIMIT = 255


@dataclass(frozen=True)
class PipelineRun:
    """A job and what came of it; the model is the one that the job registered, the metrics those of its nodes."""

    job_name: str
    status: str
    studio_url: str
    model_name: str | None = None
    model_version: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


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
    definition = definitions.read(file, "pipeline")
    overrides = _overrides(file, definition, inputs or {}, compute, experiment)
    workspace = azure.workspace(sign_in)
    rest = azure.Rest(workspace)
    job = AmlJob(rest, _valid_name(job_name) if job_name else _default_name(file, rest))
    with _errors_as_one_line(job.name):
        if (status := job.status()) is None:
            _submit(azure.ml_client(workspace), file, job.name, overrides)
        else:
            print(f"job {job.name} exists ({status}): it is followed, not submitted again", flush=True)  # noqa: T201
        url = job.studio_url()
        print(f"job {job.name}: {url}", flush=True)  # noqa: T201 - progress is this command's output
        if not wait:
            return _summarized(PipelineRun(job.name, job.status() or "", url), [])
        with _cancelled_with_this_process(workspace, job):
            status = _follow(job, time.monotonic() + timeout_minutes * 60)
        if status is None:
            _cancel(workspace, job.name)
            text = f"job {job.name} had not ended after {timeout_minutes:g} minutes and was cancelled"
            raise PipelineFailedError(text, _summarized(PipelineRun(job.name, "CancelRequested", url), job.nodes()))
        if status != COMPLETED:
            run = _summarized(PipelineRun(job.name, status, url, metrics=job.metrics()), job.nodes())
            raise PipelineFailedError(_why(job, status), run)
        return _summarized(_completed(workspace, rest, job, url), job.nodes())


def _valid_name(name: str) -> str:
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{_NAME_LIMIT - 1}}}", name):
        text = f"letters, digits, '_' and '-', no more than {_NAME_LIMIT}, the first a letter or a digit"
        raise ActionError(f"job-name '{name[:80]}' is not a name for a job: {text}")
    return name


def _default_name(file: Path, rest: azure.Rest) -> str:
    """`<pipeline>-<sha>-<run_id>`; a re-run whose job ended badly gets a name of its own, `…-<attempt>`."""
    sha = os.environ.get("GITHUB_SHA") or "local"
    run_id = os.environ.get("GITHUB_RUN_ID") or time.strftime("%Y%m%d%H%M%S")
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", file.stem).strip("-_") or "pipeline"
    name = f"{stem[: _NAME_LIMIT - len(sha) - len(run_id) - 6]}-{sha}-{run_id}"
    attempt = os.environ.get("GITHUB_RUN_ATTEMPT", "1")
    if attempt != "1" and AmlJob(rest, name).status() not in {COMPLETED, None}:
        return f"{name}-{attempt}"
    return name


def _overrides(
    file: Path, definition: Mapping[str, Any], inputs: Mapping[str, str], compute: str | None, experiment: str | None
) -> list[dict[str, Any]]:
    """What the SDK is to change in the YAML. Raises ActionError for an input that the pipeline does not have."""
    if definition.get("type", "pipeline") != "pipeline" or not isinstance(definition.get("jobs"), dict):
        raise ActionError(f"{file} is not a pipeline job: it needs type: pipeline, and jobs", file=str(file), line=1)
    known = definition.get("inputs") or {}
    changes: list[dict[str, Any]] = []
    for name, value in inputs.items():
        if name not in known:
            names = ", ".join(known) or "none"
            raise ActionError(f"the pipeline {file} has no input '{name}'; it has {names}", file=str(file))
        typed = isinstance(known[name], dict)
        key = f"inputs.{name}.{'path' if 'path' in known[name] else 'default'}" if typed else f"inputs.{name}"
        changes.append({key: value if typed else _scalar(value)})
    if compute:
        changes.append({"settings.default_compute": compute if ":" in compute else f"azureml:{compute}"})
    if experiment:
        changes.append({"experiment_name": experiment})
    return changes


def _scalar(value: str) -> str | int | float | bool:
    """A literal as YAML would have read it."""
    read = yaml.safe_load(value) if value.strip() else value
    return read if isinstance(read, str | int | float | bool) else value


def _submit(client: MLClient, file: Path, name: str, overrides: list[dict[str, Any]]) -> None:
    from azure.ai.ml import load_job  # noqa: PLC0415 - slow to import
    from azure.ai.ml.exceptions import MlException  # noqa: PLC0415
    from azure.core.exceptions import AzureError  # noqa: PLC0415
    from marshmallow import ValidationError  # noqa: PLC0415

    try:
        job = load_job(str(file), params_override=overrides)
        job.name = name
        job.tags = {**(job.tags or {}), **_lineage()}
        client.jobs.create_or_update(job)
    except (AzureError, MlException, ValidationError, OSError, KeyError, TypeError, ValueError) as error:
        raise ActionError(f"{file} was not submitted: {azure.reason(error)}", file=str(file)) from error


def _lineage() -> dict[str, str]:
    """What made the job: tags that lead from it back to the commit and the run."""
    known = {
        "repository": os.environ.get("GITHUB_REPOSITORY"),
        "commit": os.environ.get("GITHUB_SHA"),
        "run-url": github.run_url(),
        "actor": os.environ.get("GITHUB_ACTOR"),
    }
    return {name: value for name, value in known.items() if value}


def _follow(job: AmlJob, deadline: float) -> str | None:
    """Print the nodes' states and logs until the job ends; its status, or None if the time was up first."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    states: dict[str, str] = {}
    pause, longest = _POLL_SECONDS
    while True:
        try:
            status = job.status()
            _show_news(job, states)
        except AzureError as error:
            # azure-core has retried already; the job does not mind, so neither does this.
            print(f"the job cannot be read for the moment: {azure.reason(error)}", flush=True)  # noqa: T201
            status = None
        if status in TERMINAL:
            return status
        if time.monotonic() > deadline:
            return None
        time.sleep(min(pause, max(deadline - time.monotonic(), 0)))
        pause = min(pause * 1.2, longest)


def _show_news(job: AmlJob, states: dict[str, str]) -> None:
    for node in job.nodes():
        if states.get(node.run_id) in TERMINAL:
            continue
        lines = list(job.new_log_lines(node)) if node.status in {"Running", "Finalizing", *TERMINAL} else []
        if lines:
            # What a job prints is shown, and never obeyed as a command to the runner.
            with github.untrusted_lines():
                print("\n".join(f"[{node.name}] {line}" for line in lines), flush=True)  # noqa: T201
        if states.get(node.run_id) != node.status:
            print(f"node {node.name}: {node.status}", flush=True)  # noqa: T201
        states[node.run_id] = node.status


def _why(job: AmlJob, status: str) -> str:
    """The failed node, its error, and (shown apart) the last lines of its log."""
    failed = [node for node in job.nodes() if node.status == "Failed"]
    for node in failed:
        with github.group(f"the last lines of node {node.name}"), github.untrusted_lines():
            print("\n".join(job.log_tail(node, _TAIL)), flush=True)  # noqa: T201
    if failed:
        reasons = "; ".join(
            f"node {node.name} failed: {job.error(node.run_id) or 'it says no reason'}" for node in failed
        )
        return f"job {job.name} is {status}: {reasons}"
    return f"job {job.name} is {status}: {job.error(job.name) or 'it says no reason'}"


def _completed(workspace: azure.Workspace, rest: azure.Rest, job: AmlJob, url: str) -> PipelineRun:
    client = azure.ml_client(workspace)
    metrics = job.metrics()
    model = registered_model(client, rest, job.name)
    if model is None:
        return PipelineRun(job.name, COMPLETED, url, metrics=metrics)
    entity = client.models.get(model.name, model.version)
    entity.tags = {**(entity.tags or {}), "job": job.name, **_lineage()}
    client.models.create_or_update(entity)
    print(f"registered model {model.name}:{model.version}", flush=True)  # noqa: T201
    return PipelineRun(job.name, COMPLETED, url, model.name, model.version, metrics)


@contextmanager
def _errors_as_one_line(name: str) -> Iterator[None]:
    from azure.ai.ml.exceptions import MlException  # noqa: PLC0415 - slow to import
    from azure.core.exceptions import AzureError  # noqa: PLC0415

    try:
        yield
    except (AzureError, MlException) as error:
        raise ActionError(f"job {name}: {azure.reason(error)}") from error


def _cancel(workspace: azure.Workspace, name: str) -> None:
    azure.ml_client(workspace).jobs.begin_cancel(name)


@contextmanager
def _cancelled_with_this_process(workspace: azure.Workspace, job: AmlJob) -> Iterator[None]:
    """Cancel the remote job when the runner ends this process: nobody would wait for it, and it would go on to cost."""

    def interrupted(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    former = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt as interruption:
        _cancel(workspace, job.name)
        raise ActionError(f"interrupted ({interruption}): job {job.name} is cancelled") from None
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _summarized(run: PipelineRun, nodes: list[Node]) -> PipelineRun:
    cell = github.table_cell
    rows = [f"| {cell(node.name)} | {cell(node.status)} |" for node in nodes] or ["| | |"]
    metrics = [f"| {cell(name)} | {value:.4g} |" for name, value in sorted(run.metrics.items())] or ["| | |"]
    model = f"{run.model_name}:{run.model_version}" if run.model_name else "none"
    values = {
        "job": cell(run.job_name),
        "status": cell(run.status),
        "url": run.studio_url,
        "model": cell(model),
        "nodes": "\n".join(rows),
        "metrics": "\n".join(metrics),
    }
    github.summarize(_SUMMARY, values)
    return run
