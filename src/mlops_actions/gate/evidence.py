"""What an evaluation's job proves: that it measured these two models, each by its own node, and on the same data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_actions.aml.job import AmlJob, Measurement
from mlops_actions.errors import ActionError
from mlops_actions.gate.comparison import Model
from mlops_actions.gate.measured import FINGERPRINT

CHAMPION, CANDIDATE, TEST_DATA = "champion", "candidate", "test_data"
"""Inputs that an evaluation pipeline has. The first two are also the names of the nodes that measure these models."""

_MODEL_VERSION = re.compile(r"(?:^azureml:|/models/)(?P<name>[^/:]+)(?::|/versions/)(?P<version>[^/:]+)$")
_BOUND = re.compile(r"\$\{\{\s*parent\.inputs\.(\w+)\s*\}\}")


@dataclass(frozen=True)
class Evidence:
    """The metric of both models, None where it is not finite, and the fingerprint of the data behind both."""

    candidate: float | None
    champion: float | None
    fingerprint: str


def evidence(job: AmlJob, metric: str, *, candidate: Model, champion: Model) -> Evidence:
    """Read the job, which has completed. Raises ActionError for anything that leaves room for doubt."""
    properties = job.properties() or {}
    for role, model in ((CHAMPION, champion), (CANDIDATE, candidate)):
        _check_input(job.name, properties, role, model)
        _check_node(job.name, properties, role)
    measured = {one.node.name: one for one in job.measurements()}
    challenger, defender = (_measurement(job.name, measured, role, metric) for role in (CANDIDATE, CHAMPION))
    fingerprint = _same_data(job.name, challenger, defender)
    return Evidence(challenger.metrics[metric], defender.metrics[metric], fingerprint)


def _check_input(job: str, properties: Mapping[str, Any], role: str, model: Model) -> None:
    uri = str(((properties.get("inputs") or {}).get(role) or {}).get("uri") or "")
    found = _MODEL_VERSION.search(uri)
    if found is None or (found["name"], found["version"]) != (model.name, model.version):
        raise ActionError(f"job {job} had {uri or 'nothing'} as its input {role}, and not model {model}")


def _check_node(job: str, properties: Mapping[str, Any], role: str) -> None:
    nodes = properties.get("jobs") or {}
    if role not in nodes:
        names = ", ".join(nodes) or "none"
        raise ActionError(f"job {job} has no node '{role}', which is to measure the {role}; it has {names}")
    inputs = (nodes[role].get("inputs") or {}).values()
    bound = {name for value in inputs for name in _BOUND.findall(str((value or {}).get("value") or ""))}
    if bound & {CHAMPION, CANDIDATE, TEST_DATA} != {role, TEST_DATA}:
        wanted = f"parent.inputs.{role} and parent.inputs.{TEST_DATA}"
        raise ActionError(
            f"node {role} of job {job} is to take {wanted}; it takes {', '.join(sorted(bound)) or 'none'}"
        )


def _measurement(job: str, measured: Mapping[str, Measurement], role: str, metric: str) -> Measurement:
    found = measured.get(role)
    if found is None or metric not in found.metrics:
        names = ", ".join(sorted(found.metrics)) if found and found.metrics else "none"
        raise ActionError(f"node {role} of job {job} logged no metric '{metric}' (compare); it logged {names}")
    return found


def _same_data(job: str, *measurements: Measurement) -> str:
    """The fingerprint, which all measurements have to tell: it is of what the nodes read, wherever that came from."""
    fingerprints = {measurement.params.get(FINGERPRINT) for measurement in measurements}
    if None in fingerprints:
        raise ActionError(
            f"job {job} does not prove what it measured on: each of its nodes {CANDIDATE} and {CHAMPION} is to log the "
            f"digest of its test data as the MLflow parameter {FINGERPRINT}"
        )
    if len(fingerprints) != 1:
        raise ActionError(f"job {job} measured the two models on different data ({FINGERPRINT})")
    return str(fingerprints.pop())
