"""Measures champion and candidate in one job, on the candidate's test data, and proves that both got the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_actions import azure
from mlops_actions.aml import attempts
from mlops_actions.aml.job import COMPLETED, AmlJob
from mlops_actions.aml.submission import default_name
from mlops_actions.azure import SignIn
from mlops_actions.ensure_compute import ensure_compute
from mlops_actions.errors import ActionError
from mlops_actions.gate.comparison import Comparison, Model, Rule, compare
from mlops_actions.gate.evidence import CANDIDATE, CHAMPION, TEST_DATA, evidence
from mlops_actions.gate.measured import FINGERPRINT, Trained, reading
from mlops_actions.resource_names import part_of_job_name
from mlops_actions.run_aml_pipeline import PipelineFailedError, run_aml_pipeline

_RETRIES = 2


@dataclass(frozen=True)
class Evaluation:
    """An evaluation pipeline, the node and output of the candidate's job with its test data, and what it runs on."""

    pipeline: Path
    node: str
    output: str
    compute_file: Path | None
    compute: str | None
    timeout_minutes: float


def planned(
    pipeline: Path | None, test_data: str | None, compute_file: Path | None, compute: str | None, minutes: float
) -> Evaluation | None:
    """The evaluation that the inputs ask for, or None. Raises ActionError for one that cannot be."""
    if pipeline is None:
        return None
    name, _, output = (test_data or "").rpartition("/")
    if not (name and output):
        text = f"test-data '{test_data}'" if test_data else "evaluation is given without test-data: it"
        raise ActionError(f"{text} is not <node>/<output> of the job that the model is from, such as split/test_data")
    if minutes <= 0:
        raise ActionError("timeout-minutes must be more than 0")
    return Evaluation(pipeline, name, output, compute_file, compute, minutes)


def measure(
    evaluation: Evaluation, candidate: Trained, champion: Model, rule: Rule, *, rest: azure.Rest, sign_in: SignIn
) -> tuple[Comparison, str]:
    """Run the evaluation, or find the one that this workflow run has made; the comparison, and the job's name.

    Raises ActionError if the models were not measured, or not so that it can be told from what.
    """
    if candidate.job is None:
        raise ActionError(f"model {candidate.model} has no tag `job`: its test data cannot be found")
    with reading(candidate.job):
        data = _test_data_uri(rest, candidate.job, evaluation)
        inputs = {CHAMPION: champion.reference, CANDIDATE: candidate.model.reference, TEST_DATA: data}
        name = _job_name(evaluation.pipeline, inputs, candidate.model, champion, rest)
        _, status = attempts.latest(rest, name) or (0, "")
    if (evaluation.compute_file or evaluation.compute) and status != COMPLETED:
        ensure_compute(file=evaluation.compute_file, name=evaluation.compute, sign_in=sign_in)
    try:
        run = run_aml_pipeline(
            file=evaluation.pipeline,
            job_name=name,
            inputs=inputs,
            compute=evaluation.compute,
            timeout_minutes=evaluation.timeout_minutes,
            retries=_RETRIES,
            sign_in=sign_in,
        )
    except PipelineFailedError as error:
        raise ActionError(f"the models were not measured: {error}") from None
    with reading(run.job_name):
        found = evidence(AmlJob(rest, run.job_name), rule.metric, candidate=candidate.model, champion=champion)
    source = f"{evaluation.node}/{evaluation.output} of job {candidate.job}"
    basis = f"Job {run.job_name} measured both on {source} ({FINGERPRINT} {found.fingerprint[:12]})."
    return compare(rule, champion, (found.candidate, found.champion), basis), run.job_name


def _test_data_uri(rest: azure.Rest, job: str, evaluation: Evaluation) -> str:
    found = AmlJob(rest, job)
    nodes = {node.name: node for node in found.nodes()}
    if evaluation.node not in nodes:
        raise ActionError(f"test-data: job {job} has no node '{evaluation.node}'; it has {', '.join(nodes) or 'none'}")
    uri = found.output_uri(nodes[evaluation.node], evaluation.output)
    if uri is None:
        raise ActionError(f"test-data: node {evaluation.node} of job {job} has no output '{evaluation.output}'")
    return uri


def _job_name(file: Path, inputs: Mapping[str, str], candidate: Model, champion: Model, rest: azure.Rest) -> str:
    """A name that the same gate of the same workflow run has again, so that it finds the job, and no other gate has."""
    digest = hashlib.sha256("\n".join(inputs.values()).encode()).hexdigest()[:8]
    stem = f"{file.stem[:60]}-{candidate.version}-against-{champion.version}-{digest}"
    return default_name(Path(part_of_job_name(stem)), rest)
