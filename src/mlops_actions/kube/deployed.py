"""The model that a Deployment serves, by the annotations that kube-deploy gives it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mlops_actions.errors import ActionError
from mlops_actions.kube.kubectl import Kubectl, KubectlError
from mlops_actions.kube.manifests import target
from mlops_actions.kube.objects import Key, annotation

MODEL_NAME, MODEL_VERSION = "mlops-actions/model-name", "mlops-actions/model-version"
JOB = "mlops-actions/job"


@dataclass(frozen=True)
class ServedModel:
    """The model version that a Deployment serves, and the job that it is from, where that is noted."""

    name: str
    version: str
    job: str | None


def deployed_model(
    kubectl: Kubectl, folder: Path, *, deployment: str | None, namespace: str | None
) -> tuple[Key, ServedModel | None]:
    """The Deployment of the manifests in `folder`, and the model that it serves; None if it is not there yet.

    Raises ActionError if the cluster does not let it be read, or it does not say which model it serves.
    """
    key = target(kubectl, folder, deployment=deployment, namespace=namespace)
    try:
        text = kubectl.run("get", key.resource, *key.scope, "--ignore-not-found", "--output=json")
    except KubectlError as error:
        raise ActionError(f"{key} in namespace {key.namespace} cannot be read: {error}") from None
    if not text.strip():
        return key, None
    found = json.loads(text)
    name, version = annotation(found, MODEL_NAME), annotation(found, MODEL_VERSION)
    if not (name and version):
        raise ActionError(
            f"{key} in namespace {key.namespace} has no annotations {MODEL_NAME} and {MODEL_VERSION}: it was not "
            "deployed by kube-deploy; give the version of its model as champion, or deploy once without one"
        )
    return key, ServedModel(name, version, annotation(found, JOB) or None)
