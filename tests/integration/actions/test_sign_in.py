"""The ways to sign in, and what is said when none of them works."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from .conftest import Action

VARIABLES = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET")


@pytest.fixture
def principal(action: Action, emulator_environment: object, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """A service principal that the environment does not name any more."""
    settings = emulator_environment.settings  # type: ignore[attr-defined]
    for variable in VARIABLES:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return {"clientId": settings.client_id, "clientSecret": settings.client_secret, "tenantId": settings.tenant_id}


def test_with_credentials_whose_secret_is_masked(action: Action, principal: Mapping[str, str]) -> None:
    ran = action("ensure-compute", name="nothing", state="deleted", azure_credentials=json.dumps(principal))
    assert ran.status == 0
    assert f"::add-mask::{principal['clientSecret']}" in ran.log.splitlines()


def test_the_credentials_bring_the_subscription(
    action: Action, principal: Mapping[str, str], emulator_environment: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID")
    whole = {**principal, "subscriptionId": emulator_environment.settings.subscription_id}  # type: ignore[attr-defined]
    assert action("ensure-compute", name="nothing", state="deleted", azure_credentials=json.dumps(whole)).status == 0


def test_by_oidc_with_a_token_that_is_masked(action: Action, principal: Mapping[str, str]) -> None:
    by = {"client_id": principal["clientId"], "tenant_id": principal["tenantId"]}
    ran = action("ensure-compute", name="nothing", state="deleted", **by)
    assert ran.status == 0
    assert any(line.startswith("::add-mask::ey") for line in ran.log.splitlines())


@pytest.mark.fault("sign-in: the secret is wrong", "one line with Azure's own reason; the secret is masked")
def test_a_wrong_secret(action: Action, principal: Mapping[str, str]) -> None:
    wrong = json.dumps({**principal, "clientSecret": "wrong"})
    ran = action("ensure-compute", name="nothing", state="deleted", azure_credentials=wrong)
    assert ran.error.startswith("::error::Azure refused the sign-in: AADSTS7000215: ")


def test_a_wrong_secret_in_the_environment(
    action: Action, principal: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = (principal["clientId"], principal["tenantId"], "wrong")
    for variable, value in zip(VARIABLES, wrong, strict=True):
        monkeypatch.setenv(variable, value)
    ran = action("ensure-compute", name="nothing", state="deleted")
    assert ran.error.startswith("::error::Azure refused the sign-in: AADSTS7000215: ")


def test_an_unknown_application_by_oidc(action: Action, principal: Mapping[str, str]) -> None:
    by = {"client_id": "00000000-0000-4000-8000-000000000009", "tenant_id": principal["tenantId"]}
    ran = action("ensure-compute", name="nothing", state="deleted", **by)
    assert ran.error.startswith("::error::Azure refused the sign-in: AADSTS")


@pytest.mark.fault("sign-in: GitHub gives no ID token", "one line that says so")
def test_github_that_gives_no_token(
    action: Action, principal: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "wrong")
    by = {"client_id": principal["clientId"], "tenant_id": principal["tenantId"]}
    ran = action("ensure-compute", name="nothing", state="deleted", **by)
    assert ran.error == "::error::signing in to Azure failed: GitHub gave no ID token: it answered 401"


@pytest.mark.fault("sign-in: there are no credentials", "one line with the ways to sign in")
def test_no_credentials_at_all(action: Action, principal: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    ran = action("ensure-compute", name="nothing", state="deleted")
    assert "not signed in to Azure: give azure-credentials, or client-id and tenant-id" in ran.error


@pytest.mark.fault("sign-in: the workspace does not exist", "one line that says so, before anything is done")
@pytest.mark.parametrize("name", ["subscription-id", "resource-group", "workspace"])
def test_a_workspace_that_does_not_exist(action: Action, emulator_environment: object, name: str) -> None:
    ran = action("ensure-compute", name="nothing", state="deleted", **{name: "nowhere"})
    assert "nowhere" in ran.error
    assert ran.error.endswith("does not exist")


def test_a_workspace_that_is_not_named(action: Action, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_ML_WORKSPACE")
    expected = "::error::workspace is not given: set this input, or the environment variable AZURE_ML_WORKSPACE"
    assert action("ensure-compute", name="nothing").error == expected
