"""Settings of nodes that are inputs of their pipeline: the machine is said once, for a whole pipeline or component."""

from __future__ import annotations

from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import HttpResponseError

from .conftest import COMPUTE, Submit, component, ended, node

SAYS = component("echo ${{inputs.word}}", inputs={"word": {"type": "string"}})
INNER: dict[str, Any] = {
    "type": "pipeline",
    "inputs": {"machine": {"type": "string"}, "seconds": {"type": "integer", "default": 40}},
    "jobs": {
        "say": {
            "type": "command",
            "component": "./says.yaml",
            "inputs": {"word": "hello"},
            "compute": "${{parent.inputs.machine}}",
        }
    },
}


def submitted(submit: Submit, where: str, **inner: object) -> Any:
    jobs: dict[str, object] = {
        "here": node("true", compute="${{parent.inputs.where}}"),
        "inside": {
            "type": "pipeline",
            "component": "./inner.yaml",
            "inputs": {"machine": "${{parent.inputs.where}}", **inner},
        },
    }
    return submit(jobs, components={"says": SAYS, "inner": INNER}, inputs={"where": where})


@pytest.mark.conformance("jobs: a node's compute promoted to an input of the pipeline")
@pytest.mark.parametrize("machine", [COMPUTE, f"azureml:{COMPUTE}", "serverless"])
def test_a_compute_is_promoted_to_an_input(client: MLClient, submit: Submit, machine: str) -> None:
    assert ended(client, submitted(submit, machine).name) == "Completed"


def test_a_promoted_compute_that_is_not_there(submit: Submit) -> None:
    with pytest.raises(HttpResponseError, match="node here: the compute nowhere is not found"):
        submitted(submit, "nowhere")
    with pytest.raises(HttpResponseError, match="node say: the compute elsewhere is not found"):
        submitted(submit, COMPUTE, machine="elsewhere")


def test_a_promoted_setting_without_a_value(submit: Submit) -> None:
    with pytest.raises(HttpResponseError, match="node here, computeId: the pipeline has no value for its input whree"):
        submit({"here": node("true", compute="${{parent.inputs.whree}}")}, inputs={"where": COMPUTE})
