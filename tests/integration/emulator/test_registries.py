import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.ai.ml import MLClient, load_component
from azure.ai.ml.entities import Data, Environment, Model, Registry, RegistryRegionDetails
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential

from azureml_emulator.settings import ARM_HOST
from tests.integration.conftest import Emulator
from tests.integration.emulator.conftest import code, registry_client


def files(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def registry(ml_client: MLClient) -> Iterator[str]:
    """The name of a registry of its own, which is deleted afterwards."""
    name = f"reg-{uuid.uuid4().hex[:8]}"
    regions = [RegistryRegionDetails(location="westeurope")]
    made = ml_client.registries.begin_create(Registry(name=name, location="westeurope", replication_locations=regions))
    assert made.result().name == name
    yield name
    ml_client.registries.begin_delete(name=name).result()


@pytest.fixture
def shared(registry: str, credential: ClientSecretCredential) -> MLClient:
    """A client of that registry."""
    return registry_client(credential, registry)


@pytest.mark.conformance("registries: create, show, list, delete")
def test_the_life_of_one(ml_client: MLClient, registry: str) -> None:
    found = ml_client.registries.get(registry)
    assert found.discovery_url.endswith(f"/registries/{registry}/discovery")
    for scope in ("resource_group", "subscription"):
        assert registry in {one.name for one in ml_client.registries.list(scope=scope)}
    second = f"{registry}-b"
    regions = [RegistryRegionDetails(location="westeurope")]
    ml_client.registries.begin_create(
        Registry(name=second, location="westeurope", replication_locations=regions, tags={"a": "b"})
    ).result()
    assert ml_client.registries.get(second).tags == {"a": "b"}
    ml_client.registries.begin_delete(name=second).result()
    with pytest.raises(ResourceNotFoundError, match=f"Registry {second} not found"):
        ml_client.registries.get(second)


@pytest.mark.conformance("registries: environments, create, show, list, label latest, archive")
def test_environments(shared: MLClient, registry: str, name: str) -> None:
    for version in ("1", "2"):
        made = shared.environments.create_or_update(Environment(name=name, version=version, image="debian:12"))
        assert made.id == f"azureml://registries/{registry}/environments/{name}/versions/{version}"
    assert shared.environments.get(name, label="latest").version == "2"
    assert [one.version for one in shared.environments.list(name)] == ["2", "1"]
    assert [one.name for one in shared.environments.list()] == [name]
    shared.environments.archive(name, version="2")
    assert [one.version for one in shared.environments.list(name)] == ["1"]
    with pytest.raises(ResourceNotFoundError, match=f"{name}:3 not found in registry {registry}"):
        shared.environments.get(name, version="3")


@pytest.mark.conformance("registries: data and models, uploaded, shown, downloaded")
def test_data_and_models(shared: MLClient, name: str, folder: Path, tmp_path: Path) -> None:
    shared.data.create_or_update(Data(name=name, version="1", path=str(folder), type="uri_folder"))
    assert shared.data.get(name, version="1").type == "uri_folder"
    assert shared.data.get(name, label="latest").version == "1"
    shared.models.create_or_update(Model(name=name, version="1", path=str(folder), type="custom_model"))
    assert shared.models.get(name, label="latest").version == "1"
    shared.models.download(name, "1", download_path=str(tmp_path / "out"))
    assert list(files(tmp_path / "out").values()) == list(files(folder).values())


def test_an_asset_is_not_uploaded_twice(shared: MLClient, name: str, folder: Path) -> None:
    made = [shared.models.create_or_update(Model(name=name, path=str(folder), type="custom_model")) for _ in range(2)]
    assert [model.version for model in made] == ["1", "2"]
    assert made[0].path != made[1].path


@pytest.mark.conformance("registries: components with their code")
def test_components(shared: MLClient, registry: str, name: str, folder: Path) -> None:
    shared.environments.create_or_update(Environment(name=name, version="1", image="debian:12"))
    definition = folder / "component.yaml"
    definition.write_text(
        f"name: {name.replace('-', '_')}\ntype: command\ncode: inner\ncommand: cat two.txt\n"
        f"environment: azureml://registries/{registry}/environments/{name}/versions/1\n"
    )
    made = shared.components.create_or_update(load_component(definition))
    assert made.version == "1"
    found = shared.components.get(made.name, label="latest")
    assert found.code.startswith(f"azureml://registries/{registry}/codes/")
    assert [component.version for component in shared.components.list(made.name)] == ["1"]
    assert shared.components.get(made.name).id == made.id, "without a version, too"


@pytest.mark.conformance("models, data and environments: shared to a registry")
def test_sharing(ml_client: MLClient, registry: str, shared: MLClient, name: str, folder: Path) -> None:
    ml_client.models.create_or_update(Model(name=name, version="3", path=str(folder), type="custom_model"))
    ml_client.data.create_or_update(Data(name=name, version="3", path=str(folder), type="uri_folder"))
    ml_client.environments.create_or_update(Environment(name=name, version="3", image="debian:12"))
    to: dict[str, Any] = {"share_with_name": f"{name}-shared", "share_with_version": "7", "registry_name": registry}
    for operations in (ml_client.models, ml_client.data, ml_client.environments):
        result = operations.share(name, "3", **to)
        assert result.id.startswith(f"azureml://registries/{registry}/")
        assert (result.name, result.version) == (f"{name}-shared", "7")
    shared.models.download(f"{name}-shared", "7", download_path=str(folder.parent / "out"))
    assert sorted(files(folder.parent / "out").values()) == sorted(files(folder).values())
    with pytest.raises(Exception, match="already exists in registry"):
        ml_client.models.share(name, "3", **to)


@pytest.mark.conformance("registries: Azure's own can be read and not changed")
def test_azures_own(credential: ClientSecretCredential, name: str) -> None:
    public = registry_client(credential, "azureml")
    assert public.components.get("register_model", label="latest").version == "0.0.21"
    assert "register_model" in {component.name for component in public.components.list()}
    with pytest.raises(HttpResponseError, match="can be read, but not changed"):
        public.environments.create_or_update(Environment(name=name, version="1", image="debian:12"))


@pytest.mark.conformance("registries: a version that was deleted is not made anew")
def test_a_deleted_version(arm: httpx.Client, emulator: Emulator, registry: str, name: str) -> None:
    group = emulator.settings.workspace_id.split("/workspaces/")[0]
    url = f"https://{ARM_HOST}{group}/registries/{registry}/environments/{name}/versions/1"
    body = {"properties": {"image": "debian:12"}}
    assert arm.put(url, json=body).status_code == 201
    assert [arm.delete(url).status_code for _ in range(2)] == [200, 204]
    answer = arm.put(url, json=body)
    assert code(answer) == (400, "UserError")
    assert "it cannot be recreated" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "properties", "expected"),
    [
        ("a", {"regionDetails": [{"location": "westeurope"}]}, (400, "ValidationError")),
        ("regions", {}, (400, "ValidationError")),
        ("regions", {"regionDetails": [{}]}, (400, "ValidationError")),
        ("regions", {"regionDetails": ["westeurope"]}, (400, "ValidationError")),
        ("azureml", {"regionDetails": [{"location": "westeurope"}]}, (403, "AuthorizationFailed")),
    ],
)
def test_what_cannot_be_one(
    arm: httpx.Client, emulator: Emulator, name: str, properties: dict[str, Any], expected: tuple[int, str]
) -> None:
    group = emulator.settings.workspace_id.split("/workspaces/")[0]
    url = f"https://{ARM_HOST}{group}/registries/{name}"
    assert code(arm.put(url, json={"properties": properties})) == expected


@pytest.mark.conformance("registries: an operation while another is in flight is a conflict (409)")
def test_one_operation_at_a_time(arm: httpx.Client, emulator: Emulator, ml_client: MLClient) -> None:
    group = emulator.settings.workspace_id.split("/workspaces/")[0]
    name = f"reg-{uuid.uuid4().hex[:8]}"
    url = f"https://{ARM_HOST}{group}/registries/{name}"
    body = {"location": "westeurope", "properties": {"regionDetails": [{"location": "westeurope"}]}}
    assert arm.put(url, json=body).status_code == 201
    assert code(arm.delete(url)) == (409, "RegistryOperationInProgress")
    regions = [RegistryRegionDetails(location="westeurope")]
    with pytest.raises(HttpResponseError, match="in flight"):
        ml_client.registries.begin_create(Registry(name=name, location="westeurope", replication_locations=regions))


def test_an_upload_names_its_own_registry(arm: httpx.Client, emulator: Emulator, registry: str, name: str) -> None:
    group = emulator.settings.workspace_id.split("/workspaces/")[0]
    base = f"https://westeurope.api.azureml.ms/mferp/managementfrontend{group}/registries/{registry}"
    upload = f"{base}/tempdatarefs/{name}/versions/1"
    for asset in ("azureml://registries/azureml/models/m/versions/1", "no id", f"azureml://registries/{registry}/x/y"):
        assert code(arm.put(upload, json={"assetId": asset})) == (400, "ValidationError")
    read = f"{base}/datarefs/{name}/versions/1"
    asset = f"azureml://registries/{registry}/models/{name}/versions/1"
    assert code(arm.post(read, json={"assetId": asset, "blobUri": "https://x"})) == (404, "UserError")
