"""A model against the one that it is to follow: which one that is, and by what figures the two are compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_actions import azure
from mlops_actions.azure import SignIn
from mlops_actions.errors import ActionError
from mlops_actions.gate import measured
from mlops_actions.gate.comparison import Comparison, Rule
from mlops_actions.gate.evaluation import Evaluation, measure
from mlops_actions.gate.measured import Trained
from mlops_actions.gate.recorded import compare_recorded
from mlops_actions.kube.deployed import ServedModel, deployed_model
from mlops_actions.kube.kubectl import cluster

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

DEPLOYED = "deployed"


@dataclass(frozen=True)
class Service:
    """Where the Deployment is that serves a model."""

    manifests: Path | None
    namespace: str | None
    kubeconfig: str | None
    context: str | None
    deployment: str | None

    def served(self) -> tuple[str, ServedModel | None]:
        """What it is called, and the model that it serves; None if it is not there yet. Raises ActionError."""
        if self.manifests is None:
            raise ActionError("champion: deployed needs manifests, the folder that kube-deploy applies")
        with cluster(self.kubeconfig, self.context) as kubectl:
            key, found = deployed_model(kubectl, self.manifests, deployment=self.deployment, namespace=self.namespace)
        return f"{key} in namespace {key.namespace}", found


@dataclass
class Contest:
    """What decides between two models, and the job that measured them once there is one."""

    rule: Rule
    champion: str
    service: Service
    evaluation: Evaluation | None
    job: str | None = None

    def hold(
        self, candidate: Trained, client: MLClient, rest: azure.Rest, sign_in: SignIn, *, refused: bool
    ) -> Comparison:
        """Compare; a candidate that is `refused` already is not measured, which costs. Raises ActionError."""
        found = self._defender(candidate, client, rest)
        if isinstance(found, Comparison):
            return found
        if found.model == candidate.model:  # which `latest` may be, too
            return Comparison(self.rule, True, f"{found.model} is the champion itself", found.model)
        if self.evaluation is None:
            return compare_recorded(self.rule, found.model, candidate.training, found.training)
        if refused:
            text = f"it was not compared with {found.model}, as it does not meet what is required"
            return Comparison(self.rule, False, text, found.model)
        comparison, self.job = measure(self.evaluation, candidate, found.model, self.rule, rest=rest, sign_in=sign_in)
        return comparison

    def _defender(self, candidate: Trained, client: MLClient, rest: azure.Rest) -> Trained | Comparison:
        """The champion, or what comes of it that there is none. Raises ActionError if it is not in the workspace."""
        if self.champion != DEPLOYED:
            return measured.find(client, rest, candidate.model.name, self.champion)
        place, served = self.service.served()
        if served is None:
            return Comparison(self.rule, True, f"there is no {place} yet: there is no champion to beat")
        try:
            found = measured.find(client, rest, served.name, served.version)
        except ActionError as error:
            raise ActionError(f"{place} serves a model that cannot be compared with: {error}") from None
        # The tag may name a later job, which registered nothing new; but both are this workspace's.
        if served.job and served.job != found.job and not measured.exists(rest, served.job):
            raise ActionError(
                f"{place} serves {found.model} of job {served.job}, which this workspace has not got: the model was "
                "deployed from another workspace; deploy once without champion"
            )
        return found


def rule(metric: str | None, margin: float, *, higher_is_better: bool) -> Rule:
    """How the two are compared. Raises ActionError for inputs that say nothing."""
    if not metric:
        raise ActionError("champion is given without compare: say which metric decides, such as accuracy")
    if not math.isfinite(margin):
        raise ActionError("margin is not a finite number")
    return Rule(metric, margin, higher_is_better)
