"""Which workspace, and which way to sign in: from the inputs, or else the environment; and what is missing, by name."""

from __future__ import annotations

import json

import pytest
from azure.identity import ClientAssertionCredential, ClientSecretCredential, DefaultAzureCredential

from mlops_actions import azure
from mlops_actions.azure import SignIn, connection, credentials
from mlops_actions.errors import ActionError

PRINCIPAL = {"clientId": "me", "clientSecret": "s3cret", "subscriptionId": "sub-of-json", "tenantId": "tenant"}
VARIABLES = ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_ML_WORKSPACE")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, f"{name} of the environment")
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AZURE_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    # Which way is taken is asked here; whether Azure lets one in is asked in tests/integration.
    monkeypatch.setattr(credentials, "signed_in", lambda given, principal: credentials.credential(given, principal, {}))
    monkeypatch.setattr(connection, "_check_exists", lambda _: None)


def refusal(given: SignIn) -> str:
    with pytest.raises(ActionError) as raised:
        azure.workspace(given)
    return str(raised.value)


def test_the_environment_is_the_default() -> None:
    workspace = azure.workspace(SignIn())
    assert (workspace.subscription_id, workspace.resource_group, workspace.name) == tuple(
        f"{name} of the environment" for name in VARIABLES
    )


def test_inputs_come_before_the_environment() -> None:
    workspace = azure.workspace(SignIn("sub", "group", "ws", json.dumps(PRINCIPAL)))
    assert workspace.path == (
        "/subscriptions/sub/resourceGroups/group/providers/Microsoft.MachineLearningServices/workspaces/ws"
    )


def test_the_credentials_subscription_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    given = SignIn(azure_credentials=json.dumps(PRINCIPAL))
    assert azure.workspace(given).subscription_id == "AZURE_SUBSCRIPTION_ID of the environment"
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID")
    assert azure.workspace(given).subscription_id == "sub-of-json"


def test_the_environments_credentials_are_the_default_where_no_other_way_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_CREDENTIALS", json.dumps(PRINCIPAL))
    assert azure.service_principal(SignIn())["clientId"] == PRINCIPAL["clientId"]
    assert azure.service_principal(SignIn(client_id="me", tenant_id="mine")) == {}
    other = {**PRINCIPAL, "clientId": "other"}
    assert azure.service_principal(SignIn(azure_credentials=json.dumps(other)))["clientId"] == "other"
    monkeypatch.setenv("AZURE_CREDENTIALS", " ")
    assert azure.service_principal(SignIn()) == {}


@pytest.mark.parametrize(
    ("variable", "name"),
    list(zip(VARIABLES, ("subscription-id", "resource-group", "workspace"), strict=True)),
)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, name: str, value: str | None) -> None:
    monkeypatch.delenv(variable)
    if value is not None:
        monkeypatch.setenv(variable, value)
    assert f"{name} is not given" in (said := refusal(SignIn()))
    assert variable in said


def test_the_ways_to_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    by_secret = azure.workspace(SignIn(azure_credentials=json.dumps(PRINCIPAL)))
    assert isinstance(by_secret.credential, ClientSecretCredential)
    assert isinstance(azure.workspace(SignIn()).credential, DefaultAzureCredential)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example?x=1")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer")
    by_oidc = azure.workspace(SignIn(client_id="me", tenant_id="tenant"))
    assert isinstance(by_oidc.credential, ClientAssertionCredential)


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ("not json", "azure-credentials is not JSON"),
        ("[1]", "azure-credentials is not a JSON object"),
        ('"text"', "azure-credentials is not a JSON object"),
        ("{}", "azure-credentials has no clientId, clientSecret, tenantId"),
        (json.dumps({**PRINCIPAL, "clientSecret": ""}), "azure-credentials has no clientSecret"),
        (json.dumps({**PRINCIPAL, "tenantId": None}), "azure-credentials has no tenantId"),
    ],
)
def test_credentials_that_are_none(credentials: str, message: str) -> None:
    said = refusal(SignIn(azure_credentials=credentials))
    assert message in said
    assert "s3cret" not in said


def test_the_secret_is_masked_before_anything_can_go_wrong_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    refusal(SignIn(azure_credentials=json.dumps({"clientSecret": "s3cret"})))
    assert "::add-mask::s3cret" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("given", [SignIn(client_id="me"), SignIn(tenant_id="tenant")])
def test_half_of_an_oidc_sign_in(given: SignIn) -> None:
    assert "client-id and tenant-id belong together" in refusal(given)


def test_oidc_without_the_permission_says_which() -> None:
    assert "id-token: write" in refusal(SignIn(client_id="me", tenant_id="tenant"))
