import uuid

import httpx
import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    AccountKeyConfiguration,
    AzureBlobDatastore,
    AzureFileDatastore,
    NoneCredentialConfiguration,
    SasTokenConfiguration,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from tests.integration.conftest import Emulator
from tests.integration.emulator.conftest import code


@pytest.fixture
def store_name() -> str:
    return f"store_{uuid.uuid4().hex[:8]}"


def blob_store(emulator: Emulator, name: str, credentials: object, container: str = "azureml-blobstore") -> object:
    account = emulator.settings.storage_account
    return AzureBlobDatastore(name=name, account_name=account, container_name=container, credentials=credentials)


def container(emulator: Emulator, sas: str) -> ContainerClient:
    return ContainerClient.from_container_url(
        f"{emulator.settings.blob_url}/azureml-blobstore?{sas}", api_version="2025-05-05"
    )


@pytest.mark.conformance("datastores: blob with an account key")
def test_an_account_key_becomes_a_sas_that_opens_the_storage(
    ml_client: MLClient, emulator: Emulator, store_name: str
) -> None:
    key = AccountKeyConfiguration(account_key=emulator.settings.storage_key)
    ml_client.datastores.create_or_update(blob_store(emulator, store_name, key))
    assert ml_client.datastores.get(store_name).credentials.account_key is None
    sas = ml_client.datastores.get(store_name, include_secrets=True).credentials.sas_token
    client = container(emulator, sas)
    client.upload_blob(store_name, b"written by the key's SAS")
    assert client.download_blob(store_name).readall() == b"written by the key's SAS"


@pytest.mark.conformance("datastores: blob with a SAS")
def test_a_sas_comes_back_as_it_went(ml_client: MLClient, emulator: Emulator, store_name: str) -> None:
    given = ml_client.datastores.get_default(include_secrets=True).credentials.sas_token
    ml_client.datastores.create_or_update(blob_store(emulator, store_name, SasTokenConfiguration(sas_token=given)))
    assert ml_client.datastores.get(store_name).credentials.sas_token is None
    kept = ml_client.datastores.get(store_name, include_secrets=True).credentials.sas_token
    assert kept == given
    assert container(emulator, kept).upload_blob(store_name, b"written by the SAS").url


@pytest.mark.conformance("datastores: list, the default one, replace, delete")
def test_the_life_of_one(ml_client: MLClient, emulator: Emulator, store_name: str) -> None:
    nobody = NoneCredentialConfiguration()
    ml_client.datastores.create_or_update(blob_store(emulator, store_name, nobody))
    assert store_name in {store.name for store in ml_client.datastores.list()}
    assert ml_client.datastores.get_default().name == "workspaceblobstore"
    ml_client.datastores.create_or_update(blob_store(emulator, store_name, nobody, container="azureml"))
    assert ml_client.datastores.get(store_name, include_secrets=True).container_name == "azureml"
    ml_client.datastores.delete(store_name)
    with pytest.raises(ResourceNotFoundError, match=f"Datastore {store_name} not found"):
        ml_client.datastores.get(store_name)
    ml_client.datastores.delete(store_name)


def test_no_answer_has_a_secret(arm: httpx.Client, emulator: Emulator, store_name: str) -> None:
    credentials = {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": "c2VjcmV0"}}
    properties = {"datastoreType": "AzureBlob", "accountName": "elsewhere", "containerName": "data"}
    body = {"properties": {**properties, "credentials": credentials}}
    answers = [
        arm.put(f"datastores/{store_name}", json=body),
        arm.get(f"datastores/{store_name}"),
        arm.get("datastores"),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert not any("c2VjcmV0" in answer.text for answer in answers)
    secrets = arm.post(f"datastores/{store_name}/listSecrets").json()
    assert secrets == {"secretsType": "AccountKey", "key": "c2VjcmV0"}


@pytest.mark.conformance("not implemented: datastores of other types say so")
def test_other_types_are_not_implemented(ml_client: MLClient, store_name: str) -> None:
    key = AccountKeyConfiguration(account_key="c2VjcmV0")
    share = AzureFileDatastore(name=store_name, account_name="account", file_share_name="share", credentials=key)
    with pytest.raises(HttpResponseError, match=r"a datastore of type AzureFile .* is not implemented"):
        ml_client.datastores.create_or_update(share)


@pytest.mark.conformance("datastores: those of the workspace itself cannot be deleted")
def test_the_workspaces_own_stay(ml_client: MLClient, emulator: Emulator) -> None:
    with pytest.raises(HttpResponseError, match="cannot be deleted"):
        ml_client.datastores.delete("workspaceblobstore")
    with pytest.raises(HttpResponseError, match="is not implemented"):
        ml_client.datastores.create_or_update(
            blob_store(emulator, "workspaceblobstore", NoneCredentialConfiguration(), container="other")
        )


@pytest.mark.parametrize(
    ("name", "changes", "status"),
    [
        ("with.dot", {}, 400),
        ("store", {"containerName": "Capital"}, 400),
        ("store", {"accountName": "no_account"}, 400),
        ("store", {"credentials": {"credentialsType": "Sas"}}, 400),
        ("store", {"credentials": {"credentialsType": "Sas", "secrets": {"sasToken": 3}}}, 400),
        ("store", {"credentials": {"credentialsType": "ServicePrincipal"}}, 501),
        ("store", {"datastoreType": None}, 501),
        ("store", {"tags": []}, 400),
    ],
)
def test_what_cannot_be_one(arm: httpx.Client, name: str, changes: dict[str, object], status: int) -> None:
    properties = {"datastoreType": "AzureBlob", "accountName": "account", "containerName": "data", **changes}
    assert arm.put(f"datastores/{name}", json={"properties": properties}).status_code == status
    assert arm.get(f"datastores/{name}").status_code == 404


def test_a_key_that_is_none(arm: httpx.Client, store_name: str) -> None:
    credentials = {"credentialsType": "AccountKey", "secrets": {"key": "not Base64!"}}
    properties = {"datastoreType": "AzureBlob", "accountName": "account", "containerName": "data"}
    arm.put(f"datastores/{store_name}", json={"properties": {**properties, "credentials": credentials}})
    answer = arm.post(f"datastores/{store_name}/listSecrets", json={"expirableSecret": True})
    assert code(answer) == (400, "UserError")
