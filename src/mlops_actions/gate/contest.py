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
from mlops_actions.gate.comparison import Comparison, Model, Rule
from mlops_actions.gate.evaluation import Evaluation, measure
from mlops_actions.gate.measured import Trained
from mlops_actions.gate.recorded import compare_recorded
from mlops_actions.kube.deployed import deployed_model
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

    def model(self) -> tuple[str, Model | None]:
        """What it is called, and the model that it serves; None if it is not there yet. Raises ActionError."""
        if self.manifests is None:
            raise ActionError("champion: deployed needs manifests, the folder that kube-deploy applies")
        with cluster(self.kubeconfig, self.context) as kubectl:
            key, found = deployed_model(kubectl, self.manifests, deployment=self.deployment, namespace=self.namespace)
        return f"{key} in namespace {key.namespace}", None if found is None else Model(*found)


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
        champion = Model(candidate.model.name, self.champion)
        if self.champion == DEPLOYED:
            place, serving = self.service.model()
            if serving is None:
                return Comparison(self.rule, True, f"there is no {place} yet: there is no champion to beat")
            champion = serving
        found = measured.find(client, rest, champion.name, champion.version)
        if found.model == candidate.model:  # which `latest` may be, too
            return Comparison(self.rule, True, f"{found.model} is the champion itself", found.model)
        if self.evaluation is None:
            return compare_recorded(self.rule, found.model, candidate.training, found.training)
        if refused:
            text = f"it was not compared with {found.model}, as it does not meet what is required"
            return Comparison(self.rule, False, text, found.model)
        comparison, self.job = measure(self.evaluation, candidate, found.model, self.rule, rest=rest, sign_in=sign_in)
        return comparison


def rule(metric: str | None, margin: float, *, higher_is_better: bool) -> Rule:
    """How the two are compared. Raises ActionError for inputs that say nothing."""
    if not metric:
        raise ActionError("champion is given without compare: say which metric decides, such as accuracy")
    if not math.isfinite(margin):
        raise ActionError("margin is not a finite number")
    return Rule(metric, margin, higher_is_better)
