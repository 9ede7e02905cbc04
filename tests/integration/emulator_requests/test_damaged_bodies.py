"""A corpus of damaged bodies for everything that is written: refused with a reason, or taken, and never a defect."""

from __future__ import annotations

import random
from typing import Any

import pytest

from .conftest import Api, check
from .damage import damaged

ROUNDS = 50
_FOLDER = "azureml://datastores/workspaceblobstore/paths/a"
_PORT = {"job_input_type": "literal", "value": "1"}
_REGISTER = "azureml://registries/azureml/components/register_model/versions/0.0.21"
_COMMAND = {"command": "echo ${{inputs.a}}", "environment": "azureml:plain:1", "type": "command", "version": "1"}

WHOLE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "environment": (
        "PUT",
        "/environments/e{n}/versions/1",
        {
            "properties": {
                "image": "debian:12",
                "condaFile": "dependencies: [python]",
                "tags": {"a": "b"},
                "osType": "Linux",
            }
        },
    ),
    "environment with a build": (
        "PUT",
        "/environments/b{n}/versions/1",
        {"properties": {"build": {"contextUri": _FOLDER, "dockerfilePath": "Dockerfile"}, "tags": {}}},
    ),
    "component": (
        "PUT",
        "/components/c{n}/versions/1",
        {
            "properties": {
                "isAnonymous": False,
                "tags": {},
                "componentSpec": {
                    **_COMMAND,
                    "name": "c",
                    "inputs": {"a": {"type": "integer", "default": "1", "min": "0", "max": "9", "enum": ["1"]}},
                    "outputs": {"o": {"type": "uri_folder"}},
                    "resources": {"instance_count": 2},
                    "distribution": {"type": "pytorch", "process_count_per_instance": 2},
                },
            }
        },
    ),
    "data": (
        "PUT",
        "/data/d{n}/versions/1",
        {"properties": {"dataType": "uri_folder", "dataUri": _FOLDER, "tags": {"a": "b"}, "properties": {}}},
    ),
    "model": (
        "PUT",
        "/models/m{n}/versions/1",
        {
            "properties": {
                "modelType": "mlflow_model",
                "modelUri": _FOLDER,
                "flavors": {"f": {"data": {"a": "b"}}},
                "stage": "Production",
            }
        },
    ),
    "code": (
        "PUT",
        "/codes/k{n}/versions/1",
        {
            "properties": {
                "codeUri": "https://x.blob.core.windows.net/c",
                "properties": {"hash_sha256": "a", "hash_version": "2"},
            }
        },
    ),
    "datastore": (
        "PUT",
        "/datastores/s{n}",
        {
            "properties": {
                "datastoreType": "AzureBlob",
                "accountName": "azuremlemulator",
                "containerName": "c",
                "endpoint": "core.windows.net",
                "protocol": "https",
                "credentials": {"credentialsType": "Sas", "secrets": {"secretsType": "Sas", "sasToken": "sv=1"}},
            }
        },
    ),
    "instance": (
        "PUT",
        "/computes/i{n}x",
        {
            "location": "westeurope",
            "tags": {"a": "b"},
            "properties": {
                "computeType": "ComputeInstance",
                "properties": {
                    "vmSize": "Standard_DS3_v2",
                    "idleTimeBeforeShutdown": "PT30M",
                    "sshSettings": {"sshPublicAccess": "Disabled"},
                },
            },
        },
    ),
    "cluster": (
        "PUT",
        "/computes/a{n}x",
        {
            "location": "westeurope",
            "identity": {"type": "SystemAssigned"},
            "properties": {
                "computeType": "AmlCompute",
                "properties": {
                    "vmSize": "Standard_DS3_v2",
                    "vmPriority": "Dedicated",
                    "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT2M"},
                },
            },
        },
    ),
    "pipeline": (
        "PUT",
        "/jobs/p{n}",
        {
            "properties": {
                "jobType": "Pipeline",
                "inputs": {
                    "a": {"jobInputType": "literal", "value": "1"},
                    "f": {"jobInputType": "uri_folder", "uri": _FOLDER},
                },
                "outputs": {"o": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount", "assetName": "x"}},
                "settings": {"default_compute": "/computes/nowhere", "continue_on_step_failure": False},
                "jobs": {
                    "a": {
                        "type": "command",
                        "componentId": _REGISTER,
                        "inputs": {"model_name": _PORT, "model_path": {"job_input_type": "uri_folder", "uri": _FOLDER}},
                        "outputs": {
                            "registration_details_folder": {"type": "literal", "value": "${{parent.outputs.o}}"}
                        },
                        "limits": {"timeout": 5},
                        "resources": {"instance_count": 1},
                    }
                },
            }
        },
    ),
    "command": (
        "PUT",
        "/jobs/n{n}",
        {
            "properties": {
                "jobType": "Command",
                "displayName": "x",
                "experimentName": "tests",
                "tags": {"a": "b"},
                "inputs": {"a": {"jobInputType": "literal", "value": "1"}},
                "outputs": {"o": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount"}},
                "command": "echo ${{inputs.a}} ${{outputs.o}}",
                "environmentId": "azureml:plain:1",
                "computeId": "/computes/nowhere",
                "limits": {"timeout": "PT1M"},
                "distribution": {"distributionType": "Mpi", "processCountPerInstance": 2},
                "environmentVariables": {"A": "B"},
            }
        },
    ),
    "sweep": (
        "PUT",
        "/jobs/w{n}",
        {
            "properties": {
                "jobType": "Sweep",
                "computeId": "/computes/nowhere",
                "trial": {
                    "command": "echo ${{search_space.x}}",
                    "environmentId": "azureml:plain:1",
                    "resources": {"instanceCount": 1},
                },
                "searchSpace": {"x": ["uniform", [0, 1]], "y": ["choice", [["a", "b"]]]},
                "samplingAlgorithm": {"samplingAlgorithmType": "Random", "seed": 3},
                "objective": {"goal": "Minimize", "primaryMetric": "loss"},
                "limits": {"maxTotalTrials": 4, "maxConcurrentTrials": 2, "timeout": "PT1H", "trialTimeout": "PT1M"},
                "earlyTermination": {"policyType": "Bandit", "slackFactor": 0.1, "evaluationInterval": 1},
                "inputs": {"a": {"jobInputType": "literal", "value": "1"}},
            }
        },
    ),
    "listing of secrets": (
        "POST",
        "/datastores/workspaceblobstore/listSecrets",
        {"expirableSecret": True, "expireAfterHours": 1},
    ),
    "pending upload": (
        "POST",
        "/codes/u{n}/versions/1/startPendingUpload",
        {"pendingUploadType": "TemporaryBlobReference"},
    ),
    "workspace": ("PATCH", "", {"tags": {"a": "b"}, "properties": {"friendlyName": "x", "description": "y"}}),
    "run data": ("POST", "//history/v1.0{workspace}/rundata", {"runId": "x", "selectRunMetadata": True}),
    "output places": (
        "POST",
        "//data/v1.0{workspace}/dataversion/batchGetResolvedUris",
        {"values": ["azureml://locations/westeurope/workspaces/x/data/y/versions/1"]},
    ),
    "MLflow's run": (
        "POST",
        "//mlflow/v2.0{workspace}/api/2.0/mlflow/runs/create",
        {"experiment_id": "0", "start_time": 1, "tags": [{"key": "a", "value": "b"}], "run_name": "x"},
    ),
    "MLflow's batch": (
        "POST",
        "//mlflow/v2.0{workspace}/api/2.0/mlflow/runs/log-batch",
        {"run_id": "x", "metrics": [{"key": "a", "value": 1.0, "timestamp": 1, "step": 0}], "params": [], "tags": []},
    ),
    "MLflow's model": (
        "POST",
        "//mlflow/v2.0{workspace}/api/2.0/mlflow/model-versions/create",
        {"name": "x", "source": "runs:/x/model", "run_id": "x", "tags": [{"key": "a", "value": "b"}]},
    ),
}


@pytest.mark.conformance("refusals: a corpus of damaged requests, no 500 and no traceback")
@pytest.mark.parametrize("kind", WHOLE)
def test_a_damaged_body_is_no_defect(api: Api, kind: str) -> None:
    method, path, whole = WHOLE[kind]
    chance = random.Random(kind)  # noqa: S311
    for number in range(ROUNDS):
        sent = damaged(whole, chance)
        where = path.format(n=number, workspace=api.workspace)
        check(api.send(method, where, sent), (method, where, sent))


def test_a_body_that_is_no_json_is_refused(api: Api) -> None:
    for method, path, _ in WHOLE.values():
        where = path.format(n=0, workspace=api.workspace)
        url = where[1:] if where.startswith("//") else f"{api.workspace}{where}"
        for content in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 20000, b'{"properties": NaN}'):
            answer = api.http.request(method, url, content=content, headers={"Content-Type": "application/json"})
            check(answer, (method, url, content[:20]))
