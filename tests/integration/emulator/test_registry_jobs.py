"""Jobs made of what is in a registry of one's own: the component with its code, its environment, its data."""

import uuid
from pathlib import Path

import pytest
from azure.ai.ml import Input, MLClient, dsl, load_component
from azure.ai.ml.entities import ComputeInstance, Data, Environment, Registry, RegistryRegionDetails
from azure.identity import ClientSecretCredential

from tests.integration.emulator.conftest import finished, registry_client


@pytest.mark.conformance("registries: a pipeline of a registry's component, environment and data")
def test_a_pipeline(
    ml_client: MLClient, credential: ClientSecretCredential, folder: Path, delete_computes: list[str]
) -> None:
    name = f"reg-{uuid.uuid4().hex[:8]}"
    regions = [RegistryRegionDetails(location="westeurope")]
    ml_client.registries.begin_create(
        Registry(name=name, location="westeurope", replication_locations=regions)
    ).result()
    shared = registry_client(credential, name)
    shared.environments.create_or_update(Environment(name="plain", version="1", image="debian:12"))
    shared.data.create_or_update(Data(name="texts", version="1", path=str(folder), type="uri_folder"))
    definition = folder / "component.yaml"
    definition.write_text(
        "name: read_texts\nversion: '1'\ntype: command\ncode: inner\n"
        "command: cat two.txt ${{inputs.texts}}/one.txt\n"
        "inputs:\n  texts:\n    type: uri_folder\n"
        f"environment: azureml://registries/{name}/environments/plain/labels/latest\n"
    )
    shared.components.create_or_update(load_component(definition))
    compute = f"ci-{uuid.uuid4().hex[:12]}"
    ml_client.compute.begin_create_or_update(ComputeInstance(name=compute, size="Standard_DS3_v2")).result()
    delete_computes.append(compute)
    read = load_component(client=shared, name="read_texts", version="1")

    @dsl.pipeline(compute=compute)
    def pipeline() -> None:
        read(texts=Input(type="uri_folder", path=f"azureml://registries/{name}/data/texts/versions/1"))

    job = finished(ml_client, ml_client.jobs.create_or_update(pipeline()).name)
    assert job.status == "Completed"
    (node,) = ml_client.jobs.list(parent_job_name=job.name)
    ml_client.jobs.download(node.name, download_path=folder.parent / "logs", all=True)
    log = next((folder.parent / "logs").rglob("std_log.txt")).read_text()
    assert "twoone" in log
