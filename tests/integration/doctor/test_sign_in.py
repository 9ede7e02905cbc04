"""The doctor's checks of the sign-in, each made to fail; and that none tells a secret."""

from __future__ import annotations

import json

import pytest

from mlops_actions import azure
from tests.integration.conftest import Emulator

from .conftest import Examine


def test_all_is_well(examine: Examine, emulator: Emulator) -> None:
    found = examine("workspace", "datastore", "credentials")
    assert found.by_status("ok") == set(found.checks) >= {"clock", "token", "permissions", "upload"}
    assert found.status == 0
    told = found.checks["token"]["found"]
    assert f"application {emulator.settings.client_id} of tenant {emulator.settings.tenant_id}" in told
    assert "by EnvironmentCredential" in told


def test_a_wrong_secret(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong-secret-3ab7")
    found = examine("workspace", "credentials")
    told, fix = found.only("token", "wrong")
    assert told.startswith("Azure refused the sign-in: AADSTS7000215: ")
    assert "Certificates & secrets > New client secret" in fix
    assert found.by_status("ok") == {"credentials", "clock"}  # which do not need it
    assert {found.checks[name]["found"] for name in found.by_status("skipped")} == {"token is wrong"}
    assert "wrong-secret-3ab7" not in found.said


@pytest.mark.parametrize(
    ("variable", "fix"),
    [("AZURE_CLIENT_ID", "the client id is not one of this tenant's"), ("AZURE_TENANT_ID", "there is no such tenant")],
)
def test_another_application_or_tenant(
    examine: Examine, monkeypatch: pytest.MonkeyPatch, variable: str, fix: str
) -> None:
    monkeypatch.setenv(variable, "00000000-0000-4000-8000-000000000009")
    told = examine("credentials").only("token", "wrong")
    assert fix in told[1], told


@pytest.mark.usefixtures("no_sign_in")
def test_no_sign_in_at_all(examine: Examine) -> None:
    found = examine("credentials")
    told, fix = found.only("token", "wrong")
    assert told.startswith("not signed in to Azure")
    assert "az login" in fix


@pytest.mark.usefixtures("no_sign_in")
def test_a_service_principal_in_a_variable(
    examine: Examine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = emulator.settings
    principal = {"clientId": known.client_id, "clientSecret": known.client_secret, "tenantId": known.tenant_id}
    monkeypatch.setenv("AZURE_CREDENTIALS", json.dumps(principal))
    found = examine("credentials", "workspace")
    assert found.status == 0
    assert found.checks["credentials"]["found"] == f"the service principal {known.client_id} in AZURE_CREDENTIALS"
    assert "by ClientSecretCredential" in found.checks["token"]["found"]
    assert known.client_secret not in found.said

    monkeypatch.setenv("AZURE_CREDENTIALS", json.dumps(principal)[:-3])
    told, fix = examine("credentials").only("credentials", "wrong")
    assert told.startswith("azure-credentials is not JSON")
    assert "az ad sp create-for-rbac" in fix


@pytest.mark.usefixtures("no_sign_in")
def test_oidc(examine: Examine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    by = {"client_id": emulator.settings.client_id, "tenant_id": emulator.settings.tenant_id}
    found = examine("credentials", **by)
    assert found.status == 0
    assert found.checks["credentials"]["found"] == f"GitHub's OIDC token, as application {by['client_id']}"

    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    told, fix = examine("credentials", **by).only("token", "wrong")
    assert "GitHub offers this job no ID token" in told
    assert "id-token: write" in fix


def test_a_token_that_ends_soon(examine: Examine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_actions.doctor.credentials._SOON_SECONDS", 4000)  # more than the emulator's hour
    told, _ = examine("credentials").only("token", "warning")
    assert "good for 60 min; the next one is not longer" in told


def test_a_cloud_that_is_not_reached(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    found = examine("credentials", timeout_seconds=20)
    assert found.by_status("wrong") == {"clock", "token"}
    assert "HTTPS_PROXY" in found.checks["clock"]["fix"]


def test_no_more_is_said_than_in_one_line_each(examine: Examine) -> None:
    found = examine("workspace")
    assert not [check for check in found.checks.values() if "\n" in check["found"] + check["fix"]]
    assert azure.ARM not in found.checks["workspace"]["found"]
