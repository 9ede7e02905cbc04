import uuid
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, command, load_component
from azure.ai.ml.entities import Data, Environment, Model
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential

from tests.integration.conftest import Emulator


@pytest.fixture
def name() -> str:
    return f"asset-{uuid.uuid4().hex[:8]}"


def files(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


def test_an_environment_is_found_by_its_label(ml_client: MLClient, name: str) -> None:
    for version in ("1", "2"):
        ml_client.environments.create_or_update(Environment(name=name, version=version, image="debian:12"))
    assert ml_client.environments.get(name, label="latest").version == "2"
    assert [e.version for e in ml_client.environments.list(name)] == ["2", "1"]


def test_an_environment_version_cannot_be_changed(ml_client: MLClient, name: str) -> None:
    ml_client.environments.create_or_update(Environment(name=name, version="1", image="debian:12"))
    ml_client.environments.create_or_update(Environment(name=name, version="1", image="debian:12"))
    with pytest.raises(HttpResponseError, match="cannot be changed"):
        ml_client.environments.create_or_update(Environment(name=name, version="1", image="debian:13"))


def test_data_gets_the_next_version(ml_client: MLClient, name: str, folder: Path) -> None:
    versions = [ml_client.data.create_or_update(Data(name=name, path=str(folder), type="uri_folder")) for _ in range(2)]
    assert [data.version for data in versions] == ["1", "2"]
    assert ml_client.data.get(name, label="latest").version == "2"


def test_a_model_comes_back_as_it_went(ml_client: MLClient, name: str, folder: Path, tmp_path: Path) -> None:
    model = ml_client.models.create_or_update(Model(name=name, version="3", path=str(folder), type="custom_model"))
    assert model.version == "3"
    ml_client.models.download(name, "3", download_path=str(tmp_path / "out"))
    assert files(tmp_path / "out" / name / folder.name) == files(folder)


def test_a_models_tags_may_change(ml_client: MLClient, name: str, folder: Path) -> None:
    model = ml_client.models.create_or_update(Model(name=name, version="1", path=str(folder), type="custom_model"))
    model.tags["commit"] = "abc"
    ml_client.models.create_or_update(model)
    assert ml_client.models.get(name, "1").tags == {"commit": "abc"}


def test_a_missing_model_is_not_found(ml_client: MLClient, name: str) -> None:
    with pytest.raises(ResourceNotFoundError, match=f"{name}:7 not found"):
        ml_client.models.get(name, "7")


def test_the_same_code_is_uploaded_once(ml_client: MLClient, name: str, folder: Path) -> None:
    made = ml_client.environments.create_or_update(Environment(name=name, version="1", image="debian:12"))
    codes = []
    for number in range(2):
        node = command(name=f"node_{name[-8:]}_{number}", command="true", code=str(folder), environment=str(made.id))
        codes.append(ml_client.components.create_or_update(node.component).code)
    assert codes[0] == codes[1]


def test_the_workspace_names_its_own_servers(ml_client: MLClient) -> None:
    workspace = ml_client.workspaces.get(ml_client.workspace_name)
    assert workspace.discovery_url.endswith(f"/discovery/workspaces/{workspace.name}")
    stores = {store.name for store in ml_client.datastores.list()}
    assert stores == {"workspaceblobstore", "workspaceartifactstore"}


def test_what_is_not_implemented_says_so(ml_client: MLClient) -> None:
    with pytest.raises(HttpResponseError, match="OnlineEndpoints_List is not implemented by this emulator"):
        list(ml_client.online_endpoints.list())


def test_a_component_without_a_version_gets_one(ml_client: MLClient, name: str, folder: Path) -> None:
    ml_client.environments.create_or_update(Environment(name=name, version="1", image="debian:12"))
    component = f"component_{name[-8:]}"
    definition = folder / "component.yaml"
    definition.write_text(
        f"name: {component}\ntype: command\ncode: inner\ncommand: cat two.txt\nenvironment: azureml:{name}:1\n"
    )
    made = [ml_client.components.create_or_update(load_component(definition)).version for _ in range(2)]
    assert made == ["1", "2"]
    assert ml_client.components.get(component, label="latest").version == "2"


def test_the_registrys_component_is_named_as_a_job_names_it(emulator_environment: Emulator) -> None:
    known = emulator_environment.settings
    credential = ClientSecretCredential(known.tenant_id, known.client_id, known.client_secret)
    registry = MLClient(credential, registry_name="azureml", enable_telemetry=False)
    component = registry.components.get("register_model", version="0.0.21")
    assert component.id == "azureml://registries/azureml/components/register_model/versions/0.0.21"
    assert "model_name" in component.inputs


def test_an_unknown_registry_is_not_found(emulator_environment: Emulator) -> None:
    known = emulator_environment.settings
    credential = ClientSecretCredential(known.tenant_id, known.client_id, known.client_secret)
    with pytest.raises(ResourceNotFoundError, match="Registry nobodys not found"):
        MLClient(credential, registry_name="nobodys", enable_telemetry=False).components.get("x", version="1")
