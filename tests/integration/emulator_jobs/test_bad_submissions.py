"""What the SDK lets through; nodes are components of their own here, since it looks closer at inline commands."""

from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Environment
from azure.core.exceptions import HttpResponseError

from .conftest import REGISTER, Submit, component, ended, failure, node

OUT = {"out": {"type": "uri_folder"}}
COMPONENTS: dict[str, object] = {
    "reads": component("ls ${{inputs.a}}", inputs={"a": {"type": "uri_folder"}}, outputs=OUT),
    "counts": component(
        "seq ${{inputs.times}}", inputs={"times": {"type": "integer", "min": 1, "max": 9}}, outputs=OUT
    ),
    "homeless": component("true") | {"environment": "azureml:nothing:7"},
}


def uses(name: str, **fields: object) -> dict[str, object]:
    return {"type": "command", "component": f"./{name}.yaml", **fields}


def reads(source: object, **fields: object) -> dict[str, object]:
    return uses("reads", inputs={"a": source}, **fields)


COUNTS = uses("counts", inputs={"times": 2})

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown compute": (
        {"jobs": {"a": COUNTS}, "settings": {"default_compute": "azureml:nowhere"}},
        "compute nowhere is not found",
    ),
    "unknown datastore": (
        {"jobs": {"a": COUNTS}, "settings": {"default_compute": "serverless", "default_datastore": "azureml:nowhere"}},
        "settings.default_datastore: Datastore nowhere not found",
    ),
    "unknown node input": (
        {"jobs": {"a": {"type": "command", "component": REGISTER, "inputs": {"modelname": "m"}}}},
        "node a has an unknown input modelname: its component has .*model_name",
    ),
    "value out of range": ({"jobs": {"a": uses("counts", inputs={"times": 10})}}, "more than the maximum 9"),
    "value of another type": (
        {"jobs": {"a": uses("counts", inputs={"times": "${{parent.inputs.n}}"})}, "inputs": {"n": "many"}},
        "'many', not of type integer",
    ),
    "no such pipeline input": (
        {"jobs": {"a": uses("counts", inputs={"times": "${{parent.inputs.gone}}"})}, "inputs": {"n": 1}},
        "the pipeline has no input gone; it has n",
    ),
    "no such node": ({"jobs": {"a": reads("${{parent.jobs.gone.outputs.out}}")}}, "the pipeline has no node gone"),
    "no such node output": (
        {"jobs": {"a": COUNTS, "b": reads("${{parent.jobs.a.outputs.gone}}")}},
        "node a has no output gone; it has out",
    ),
    "no such pipeline output": (
        {"jobs": {"a": uses("counts", inputs={"times": 1}, outputs={"out": "${{parent.outputs.gone}}"})}},
        "the pipeline has no output gone",
    ),
    "cycle": (
        {
            "jobs": {
                "a": reads("${{parent.jobs.b.outputs.out}}"),
                "b": reads("${{parent.jobs.a.outputs.out}}"),
            }
        },
        "the nodes a, b wait for each other in a cycle",
    ),
    "no such data version": (
        {"jobs": {"a": reads({"type": "uri_folder", "path": "azureml:nothing:7"})}},
        "data nothing:7 not found",
    ),
    "data elsewhere": (
        {"jobs": {"a": reads({"type": "uri_folder", "path": "ftp://example.com/data"})}},
        "ftp://example.com/data is no place of files",
    ),
    "no such environment": ({"jobs": {"a": uses("homeless")}}, "environments/nothing/versions/7 is not found"),
    "unknown registry component": (
        {"jobs": {"a": {"type": "command", "component": "azureml://registries/mine/components/other/versions/1"}}},
        "components/other/versions/1 is not found",
    ),
}


@pytest.mark.parametrize(("pipeline", "message"), BAD.values(), ids=BAD.keys())
def test_is_refused(client: MLClient, submit: Submit, pipeline: dict[str, Any], message: str) -> None:
    with pytest.raises(HttpResponseError, match=message) as refusal:
        submit(components=COMPONENTS, **pipeline)
    assert refusal.value.status_code == 400
    assert refusal.value.error is not None
    assert refusal.value.error.code == "UserError"


def test_a_conda_package_fails_the_job_by_its_name(client: MLClient, submit: Submit) -> None:
    conda = {"name": "bad", "dependencies": ["python=3.11", "r-base=4"]}
    environment = Environment(name="conda-only", version="1", image="debian:12", conda_file=conda)
    client.environments.create_or_update(environment)
    job = submit({"a": node("true", environment="conda-only")})
    assert ended(client, job.name) == "Failed"
    assert "environment conda-only: conda package 'r-base' cannot be installed" in failure(client, job.name)


@pytest.mark.parametrize(
    "node_of_theirs",
    [
        {"type": "command", "component": "azureml://registries/azureml/components/other/versions/1"},
        reads({"type": "custom_model", "path": "azureml://registries/azureml-meta/models/m/versions/1"}),
    ],
    ids=["component", "model"],
)
def test_what_only_microsofts_registries_have_is_not_implemented(
    submit: Submit, node_of_theirs: dict[str, Any]
) -> None:
    with pytest.raises(HttpResponseError, match=r"Microsoft's own registries .* is not implemented") as error:
        submit({"a": node_of_theirs}, components=COMPONENTS)
    assert error.value.status_code == 501
