"""What tools ask before they come to a workspace: tenants, subscriptions, resource groups."""

from __future__ import annotations

import ssl

import httpx
import pytest

from azureml_emulator import identity

from ..conftest import Emulator


@pytest.fixture
def http(emulator: Emulator) -> httpx.Client:
    token = identity.access_token(emulator.settings, "https://management.azure.com")
    return httpx.Client(
        base_url=f"https://127.0.0.1:{emulator.settings.ports.api}",
        headers={"Host": "management.azure.com", "Authorization": f"Bearer {token}"},
        verify=ssl.create_default_context(cafile=emulator.settings.certificates / "ca.pem"),
        trust_env=False,
    )


@pytest.mark.conformance("surface: subscriptions, tenants and resource groups")
def test_one_of_each_is_there(emulator: Emulator, http: httpx.Client) -> None:
    settings = emulator.settings
    (subscription,) = http.get("/subscriptions").json()["value"]
    assert subscription["subscriptionId"] == settings.subscription_id
    assert http.get(f"/subscriptions/{settings.subscription_id.upper()}").json() == subscription
    assert [t["tenantId"] for t in http.get("/tenants").json()["value"]] == [settings.tenant_id]
    groups = f"/subscriptions/{settings.subscription_id}/resourcegroups"
    (group,) = http.get(groups).json()["value"]
    assert http.get(f"{groups}/{settings.resource_group}").json() == group
    assert http.head(f"{groups}/{settings.resource_group}").status_code == 204


def test_others_are_not_found(emulator: Emulator, http: httpx.Client) -> None:
    answer = http.get("/subscriptions/11111111-1111-4111-8111-111111111111")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "SubscriptionNotFound")
    answer = http.get(f"/subscriptions/{emulator.settings.subscription_id}/resourceGroups/other")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceGroupNotFound")


def test_no_token_no_answer(http: httpx.Client) -> None:
    assert http.get("/subscriptions", headers={"Authorization": ""}).status_code == 401
