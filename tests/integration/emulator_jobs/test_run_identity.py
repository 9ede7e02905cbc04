"""What a run's processes may do: what the run's token opens, and what the identity that its job asks for opens."""

import json
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, command
from azure.ai.ml.entities import (
    AmlCompute,
    Environment,
    IdentityConfiguration,
    Job,
    ManagedIdentityConfiguration,
    UserIdentityConfiguration,
)

from ..conftest import Emulator
from .conftest import COMPUTE, ENVIRONMENT, Submit, children, ended, failure, node

CURL = """
status() { curl --silent --output /dev/null --write-out '%{http_code}' --header "Authorization: Bearer $1" "$2"; }
history="$AZUREML_SERVICE_ENDPOINT/history/v1.0$AZUREML_WORKSPACE_SCOPE/runs/$AZUREML_RUN_ID"
echo "history $(status "$AZUREML_RUN_TOKEN" "$history/details")"
echo "mlflow $(status "$MLFLOW_TRACKING_TOKEN" "$MLFLOW_TRACKING_URI/api/2.0/mlflow/runs/get?run_id=$MLFLOW_RUN_ID")"
echo "arm $(status "$AZUREML_RUN_TOKEN" "https://management.azure.com$AZUREML_WORKSPACE_SCOPE/jobs?api-version=1")"
echo "none $(status nothing "$history/details")"
echo "token $AZUREML_RUN_TOKEN"
env | cut -d= -f1 | sort | tr '\\n' ' '
"""
CLIENT = """
import os, sys
from azure.ai.ml import MLClient
from azure.ai.ml.identity import AzureMLOnBehalfOfCredential
from azure.identity import DefaultAzureCredential
credential = AzureMLOnBehalfOfCredential() if sys.argv[1] == "user" else DefaultAzureCredential()
workspace = [os.environ[f"AZUREML_ARM_{part}"] for part in ("SUBSCRIPTION", "RESOURCEGROUP", "WORKSPACE_NAME")]
client = MLClient(credential, *workspace)
print("I am", client.jobs.get(os.environ["AZUREML_RUN_ID"]).name)
"""


def run(client: MLClient, text: str, **fields: object) -> Job:
    return client.jobs.create_or_update(
        command(
            command=text,
            environment=f"{fields.pop('environment', ENVIRONMENT)}@latest",
            compute=str(fields.pop("compute", COMPUTE)),
            experiment_name="tests",
            **fields,  # type: ignore[arg-type]
        )
    )


def log(client: MLClient, job: Job, folder: Path) -> str:
    client.jobs.download(job.name, download_path=folder)
    return (folder / "artifacts/user_logs/std_log.txt").read_text()


@pytest.mark.conformance("mlflow: a run's token opens the data plane, while the run lasts")
def test_a_run_has_a_token_of_its_own(client: MLClient, emulator: Emulator, tmp_path: Path) -> None:
    job = run(client, CURL)
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    told = log(client, job, tmp_path)
    assert "history 200" in told
    assert "mlflow 200" in told
    assert "arm 401" in told
    assert "none 401" in told
    for name in ("AZUREML_RUN_TOKEN_EXPIRY", "AZUREML_WORKSPACE_ID", "AZUREML_DISCOVERY_SERVICE_ENDPOINT"):
        assert name in told
    assert "MSI_ENDPOINT" not in told
    assert "OBO_ENDPOINT" not in told

    token = told.split("token ")[1].split()[0]
    url = f"https://westeurope.api.azureml.ms/history/v1.0{emulator.settings.workspace_id}/runs/{job.name}/details"
    answer = client.jobs._requests_pipeline.get(url, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


@pytest.fixture(scope="module")
def sdk() -> Environment:
    packages = ["azure-ai-ml==1.35.2", "azure-identity==1.27.0"]
    conda = {"name": "sdk", "dependencies": ["python=3.11", "pip", {"pip": packages}]}
    return Environment(name="azure-sdk", version="1", image="debian:12", conda_file=conda)


@pytest.mark.conformance("mlflow: a job acts as its user or as its managed identity, if it says so")
@pytest.mark.parametrize(
    ("argument", "identity"),
    [("user", UserIdentityConfiguration()), ("managed", ManagedIdentityConfiguration())],
)
def test_a_job_acts_with_the_identity_that_it_asks_for(
    client: MLClient, sdk: Environment, tmp_path: Path, argument: str, identity: object
) -> None:
    client.environments.create_or_update(sdk)
    source = tmp_path / "code"
    source.mkdir()
    (source / "client.py").write_text(CLIENT)
    text = f"python -W ignore client.py {argument}"
    job = run(client, text, code=str(source), environment=sdk.name, identity=identity)
    assert ended(client, job.name, seconds=300) == "Completed", failure(client, job.name)
    assert f"I am {job.name}" in log(client, job, tmp_path)


@pytest.mark.conformance("mlflow: a cluster's identity is that of the jobs on it")
def test_a_clusters_identity_is_its_jobs(client: MLClient, tmp_path: Path) -> None:
    cluster = AmlCompute(
        name="with-identity", size="Standard_DS3_v2", identity=IdentityConfiguration(type="SystemAssigned")
    )
    client.compute.begin_create_or_update(cluster).result()
    ask = 'curl --silent --header "secret: $MSI_SECRET" "$MSI_ENDPOINT?resource=https://management.azure.com{}"'
    job = run(client, f"{ask.format('')}; echo; {ask.format('&clientid=other')}", compute=cluster.name)
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    first, second = log(client, job, tmp_path).strip().splitlines()[-2:]
    assert json.loads(first)["resource"] == "https://management.azure.com"
    assert "Identity not found" in json.loads(second)["error_description"]


def test_the_nodes_of_a_pipeline_have_its_identity_or_their_own(
    client: MLClient, submit: Submit, tmp_path: Path
) -> None:
    told = "env | grep --only-matching --extended-regexp '^(OBO|MSI)_ENDPOINT' || echo none"
    own = node(told, identity={"type": "managed"})
    job = submit({"own": own, "whole": node(told)}, identity={"type": "user_identity"})
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    runs = children(client, job.name)
    assert log(client, runs["own"], tmp_path / "own").splitlines()[-1] == "MSI_ENDPOINT"
    assert log(client, runs["whole"], tmp_path / "whole").splitlines()[-1] == "OBO_ENDPOINT"
