"""Holds a model back from a deployment: requirements on its metrics, and a comparison with the one deployed now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlops_actions import azure, github
from mlops_actions.aml import models
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.errors import ActionError
from mlops_actions.gate import measured, requirements
from mlops_actions.gate.contest import Contest, Service, rule
from mlops_actions.gate.evaluation import planned
from mlops_actions.gate.measured import Trained
from mlops_actions.gate.verdict import ACCEPTED, Verdict, Word


@dataclass(frozen=True)
class GateModelOutputs:
    """The verdict on a model version, why, and what it was held against.

    The champion's are None if there is none, the two values and the job if nothing was compared or measured.
    """

    verdict: Word
    reasons: list[str]
    name: str
    version: str
    metrics: Mapping[str, float | None]
    champion_name: str | None = None
    champion_version: str | None = None
    candidate_value: float | None = None
    champion_value: float | None = None
    evaluation_job: str | None = None


class ModelRefusedError(ActionError):
    """The model was refused; `outputs` are valid all the same."""

    def __init__(self, message: str, outputs: GateModelOutputs) -> None:
        super().__init__(message)
        self.outputs = outputs


def gate_model(
    *,
    name: str | None = None,
    version: str | None = None,
    job_name: str | None = None,
    require: tuple[str, ...] = (),
    metrics: str | None = None,
    champion: str | None = None,
    compare: str | None = None,
    margin: float = 0,
    higher_is_better: bool = True,
    evaluation: Path | None = None,
    test_data: str | None = None,
    compute_file: Path | None = None,
    compute: str | None = None,
    timeout_minutes: float = 60,
    manifests: Path | None = None,
    namespace: str | None = None,
    kubeconfig: str | None = None,
    context: str | None = None,
    deployment: str | None = None,
    on_refusal: Literal["fail", "neutral"] = "fail",
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> GateModelOutputs:
    """Hold a model against requirements and against the one deployed now, and tag it with the verdict.

    Args:
        name: name of the model; with job-name it may be left out
        version: version, a number or latest; with job-name it may be left out
        job_name: job whose model is meant, the very one that it registered
        require: comparisons of the model's metrics, one a line, such as `accuracy >= 0.8`; all have to be true
        metrics: metrics of the model as a JSON object, instead of those that its job logged
        champion: model to beat, a version of the same name, or deployed for the one that the cluster serves now
        compare: metric that champion and candidate are compared by
        margin: how much better than the champion's the candidate's metric has to be; below 0, how much worse it may be
        higher_is_better: whether a higher value of that metric is the better one
        evaluation: YAML of a pipeline that measures both models on the same data; without it the figures of their
            trainings are compared, if those were tested on the same data
        test_data: candidate's test data for the evaluation, as <node>/<output> of the job that it is from
        compute_file: YAML of the compute to start for the evaluation, if there is one to be made
        compute: name of the compute to start and run the evaluation on, instead of those that the YAMLs name
        timeout_minutes: how long the evaluation may take before it is cancelled
        manifests: folder of the kustomize base or overlay that has the Deployment, for champion deployed
        namespace: namespace of the Deployment instead of the one that the manifests name
        kubeconfig: path or content of a kubeconfig; default is what kubectl finds by itself
        context: context of the kubeconfig to use instead of its current one
        deployment: name of the Deployment, if the manifests have several
        on_refusal: how a refusal ends, one of fail, neutral; with the latter only the output verdict tells of it
        sign_in: where the workspace is and how to sign in

    """
    models.check_named(name, version, job_name)
    lines = requirements.parse(require)
    if not lines and not champion:
        raise ActionError("there is nothing to hold the model against: give require, or champion and compare")
    given = requirements.given_metrics(metrics) if metrics else None
    contest = None
    if champion:
        service = Service(manifests, namespace, kubeconfig, context, deployment)
        evaluated = planned(evaluation, test_data, compute_file, compute, timeout_minutes)
        contest = Contest(rule(compare, margin, higher_is_better=higher_is_better), champion, service, evaluated)
    workspace = azure.workspace(sign_in)
    client, rest = azure.ml_client(workspace), azure.Rest(workspace)
    candidate = measured.find(client, rest, name, version, job_name, metrics=given)
    if lines and candidate.training is None:
        text = f"the metrics of {candidate.model} are not known: it has no tag `job` of a job that is still there"
        raise ActionError(f"{text}; give them as metrics")
    findings = requirements.judge(lines, candidate.training.metrics if candidate.training else {})
    comparison = None
    if contest is not None:
        refused = not all(finding.met for finding in findings)
        comparison = contest.hold(candidate, client, rest, sign_in, refused=refused)
    outcome = Verdict(candidate.model, findings, comparison)
    outcome.note(client)
    outcome.summarize()
    return _told(outcome, _outputs(outcome, candidate, contest), neutral=on_refusal == "neutral")


def _outputs(outcome: Verdict, candidate: Trained, contest: Contest | None) -> GateModelOutputs:
    comparison = outcome.comparison
    champion = comparison.champion if comparison else None
    return GateModelOutputs(
        verdict=outcome.word,
        reasons=outcome.reasons,
        name=candidate.model.name,
        version=candidate.model.version,
        metrics=candidate.training.metrics if candidate.training else {},
        champion_name=champion.name if champion else None,
        champion_version=champion.version if champion else None,
        candidate_value=comparison.candidate_value if comparison else None,
        champion_value=comparison.champion_value if comparison else None,
        evaluation_job=contest.job if contest else None,
    )


def _told(outcome: Verdict, outputs: GateModelOutputs, *, neutral: bool) -> GateModelOutputs:
    """Say the verdict. Raises ModelRefusedError for one that is to end red."""
    text = f"model {outcome.model} is {outcome.word}: {'; '.join(outcome.reasons)}"
    if outcome.word == ACCEPTED:
        github.progress(text)
    elif neutral:
        github.annotate("warning", text)
    else:
        raise ModelRefusedError(text, outputs)
    return outputs
