import httpx
import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Workspace
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from azureml_emulator.settings import ARM_HOST
from tests.integration.conftest import Emulator
from tests.integration.emulator.conftest import code


@pytest.mark.conformance("workspaces: show and list, in the resource group and in the subscription")
@pytest.mark.parametrize("scope", ["resource_group", "subscription"])
def test_it_is_listed(ml_client: MLClient, scope: str) -> None:
    assert [workspace.name for workspace in ml_client.workspaces.list(scope=scope)] == [ml_client.workspace_name]


def test_kinds_are_told_apart(ml_client: MLClient) -> None:
    assert list(ml_client.workspaces.list(filtered_kinds=["hub", "project"])) == []
    assert len(list(ml_client.workspaces.list(filtered_kinds="default"))) == 1


@pytest.mark.conformance("workspaces: update of tags and description")
def test_what_may_change_of_it(ml_client: MLClient) -> None:
    workspace = ml_client.workspaces.get(ml_client.workspace_name)
    workspace.tags, workspace.description = {"team": "vision"}, "cats and dogs"
    assert ml_client.workspaces.begin_update(workspace).result().tags == {"team": "vision"}
    changed = ml_client.workspaces.get(ml_client.workspace_name)
    assert (changed.tags, changed.description) == ({"team": "vision"}, "cats and dogs")
    workspace.tags = {}
    # To create one that is there is to change it.
    assert ml_client.workspaces.begin_create(workspace).result().name == ml_client.workspace_name


@pytest.mark.conformance("workspaces: listing and syncing keys")
def test_its_keys(ml_client: MLClient, emulator: Emulator) -> None:
    keys = ml_client.workspaces.get_keys()
    assert keys.user_storage_key == emulator.settings.storage_key
    assert keys.user_storage_resource_id.endswith(f"/storageAccounts/{emulator.settings.storage_account}")
    ml_client.workspaces.begin_sync_keys().result()


@pytest.mark.conformance("not implemented: making and deleting workspaces says so by the operation's name")
def test_another_one_cannot_be_made(ml_client: MLClient) -> None:
    with pytest.raises(HttpResponseError, match="Deployments_CreateOrUpdate is not implemented by this emulator"):
        ml_client.workspaces.begin_create(Workspace(name="another", location="westeurope")).result()
    with pytest.raises(HttpResponseError, match="Workspaces_Delete is not implemented by this emulator"):
        ml_client.workspaces.begin_delete(ml_client.workspace_name, delete_dependent_resources=False)


def test_making_one_without_a_template_says_so_too(arm: httpx.Client, emulator: Emulator) -> None:
    path = emulator.settings.workspace_id.rsplit("/", 1)[0]
    answer = arm.put(f"https://{ARM_HOST}{path}/another", json={})
    assert answer.json()["error"]["message"] == "Workspaces_CreateOrUpdate is not implemented by this emulator"


def test_an_unknown_one_is_not_found(ml_client: MLClient) -> None:
    with pytest.raises(ResourceNotFoundError, match=r"'Microsoft\.MachineLearningServices/workspaces/nobodys'"):
        ml_client.workspaces.get("nobodys")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/subscriptions/{0}/resourceGroups/other", "ResourceGroupNotFound"),
        ("/subscriptions/11111111-0000-0000-0000-000000000000", "SubscriptionNotFound"),
    ],
)
def test_other_scopes_are_not_found(arm: httpx.Client, emulator: Emulator, path: str, expected: str) -> None:
    scope = f"https://{ARM_HOST}{path.format(emulator.settings.subscription_id)}"
    assert code(arm.get(f"{scope}/providers/Microsoft.MachineLearningServices/workspaces")) == (404, expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"properties": {"publicNetworkAccess": "Disabled"}}, (501, "NotImplementedByEmulator")),
        ({"identity": {"type": "UserAssigned"}}, (501, "NotImplementedByEmulator")),
        ({"properties": []}, (400, "ValidationError")),
        ({"tags": {"a": []}}, (400, "ValidationError")),
    ],
)
def test_what_may_not_change_of_it(arm: httpx.Client, body: object, expected: tuple[int, str]) -> None:
    assert code(arm.patch(str(arm.base_url).rstrip("/"), json=body)) == expected
