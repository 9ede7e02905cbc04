"""Runs of nodes come to an end of their own: canceled by themselves, or failed before they could begin."""

from __future__ import annotations

import uuid

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import AzureBlobDatastore
from azure.core.exceptions import HttpResponseError

from .conftest import COMPUTE, Submit, children, component, ended, failure, node, until

OUT = {"o": {"type": "uri_folder"}}


def test_a_node_can_be_canceled_by_itself(client: MLClient, submit: Submit) -> None:
    job = submit({"long": node("sleep 600")})
    until("the node", lambda: "long" in children(client, job.name))
    operation = client.jobs.begin_cancel(children(client, job.name)["long"].name)
    assert ended(client, job.name) == "Failed"
    operation.wait(30)
    assert operation.done()
    assert children(client, job.name)["long"].status == "Canceled"


@pytest.mark.parametrize("go_on", [False, True])
def test_a_node_whose_input_is_gone_fails_and_is_not_left_behind(client: MLClient, submit: Submit, go_on: bool) -> None:
    store, reads = f"gone{uuid.uuid4().hex[:8]}", {"first": {"type": "uri_folder"}, "second": {"type": "uri_folder"}}
    account = client.datastores.get("workspaceblobstore").account_name
    client.datastores.create_or_update(AzureBlobDatastore(name=store, account_name=account, container_name="azureml"))
    there = {"type": "uri_folder", "path": f"azureml://datastores/{store}/paths/x"}
    job = submit(
        {
            "wait": node("sleep 3", outputs=OUT),
            "after": {
                "type": "command",
                "component": "./reads.yaml",
                "inputs": {"first": "${{parent.jobs.wait.outputs.o}}", "second": there},
            },
            "beside": node("sleep 5"),
        },
        components={"reads": component("ls ${{inputs.first}} ${{inputs.second}}", inputs=reads)},
        settings={"default_compute": f"azureml:{COMPUTE}", "force_rerun": True, "continue_on_step_failure": go_on},
    )
    client.datastores.delete(store)
    assert ended(client, job.name) == "Failed"
    assert f"Datastore {store} not found" in failure(client, job.name)
    assert {name: child.status for name, child in children(client, job.name).items()} == {
        "wait": "Completed",
        "after": "Failed",
        "beside": "Completed" if go_on else "Canceled",
    }


def test_an_output_that_nothing_in_a_pipeline_writes_cannot_be_read(submit: Submit) -> None:
    inner = {"type": "pipeline", "outputs": OUT, "jobs": {"idle": {"type": "command", "component": "./idle.yaml"}}}
    reads = component("ls ${{inputs.i}}", inputs={"i": {"type": "uri_folder"}})
    with pytest.raises(HttpResponseError, match="none of the nodes in inner is bound to its output o"):
        submit(
            {
                "inner": {"type": "pipeline", "component": "./inner.yaml"},
                "reads": {
                    "type": "command",
                    "component": "./reads.yaml",
                    "inputs": {"i": "${{parent.jobs.inner.outputs.o}}"},
                },
            },
            components={"inner": inner, "idle": component("true"), "reads": reads},
        )
