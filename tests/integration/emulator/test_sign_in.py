import ssl
import time

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential, ClientSecretCredential

from azureml_emulator import identity
from azureml_emulator.settings import ARM_HOST, GITHUB_OIDC_HOST, LOGIN_HOST
from tests.integration.conftest import Emulator

SCOPE = f"https://{ARM_HOST}/.default"


def github_token(emulator: Emulator, audience: str = identity.FEDERATED_AUDIENCE) -> str:
    variables = emulator.environment
    url = f"{variables['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={audience}"
    bearer = {"Authorization": f"bearer {variables['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    return str(httpx.get(url, headers=bearer).raise_for_status().json()["value"])


def workspace(emulator: Emulator, token: str) -> httpx.Response:
    url = f"https://{ARM_HOST}{emulator.settings.workspace_id}"
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"} if token else {})


def test_a_client_secret_opens_the_workspace(emulator_environment: Emulator) -> None:
    known = emulator_environment.settings
    credential = ClientSecretCredential(known.tenant_id, known.client_id, known.client_secret)
    assert workspace(emulator_environment, credential.get_token(SCOPE).token).json()["name"] == known.workspace


def test_a_wrong_secret_is_refused_as_entra_does(emulator_environment: Emulator) -> None:
    known = emulator_environment.settings
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        ClientSecretCredential(known.tenant_id, known.client_id, "wrong").get_token(SCOPE)


def test_an_unknown_application_is_refused(emulator_environment: Emulator) -> None:
    known = emulator_environment.settings
    with pytest.raises(ClientAuthenticationError, match="AADSTS700016"):
        ClientSecretCredential(known.tenant_id, "nobody", known.client_secret).get_token(SCOPE)


def test_githubs_token_opens_the_workspace(emulator_environment: Emulator) -> None:
    known = emulator_environment.settings
    credential = ClientAssertionCredential(known.tenant_id, known.client_id, lambda: github_token(emulator_environment))
    assert workspace(emulator_environment, credential.get_token(SCOPE).token).status_code == httpx.codes.OK


def test_githubs_token_for_somebody_else_is_refused(emulator_environment: Emulator) -> None:
    known = emulator_environment.settings
    token = github_token(emulator_environment, audience="sts.amazonaws.com")
    with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
        ClientAssertionCredential(known.tenant_id, known.client_id, lambda: token).get_token(SCOPE)


def test_github_gives_no_token_to_strangers(emulator_environment: Emulator) -> None:
    url = emulator_environment.environment["ACTIONS_ID_TOKEN_REQUEST_URL"]
    assert httpx.get(url, headers={"Authorization": "bearer guess"}).status_code == httpx.codes.UNAUTHORIZED


@pytest.mark.parametrize(
    ("audience", "seconds", "code"),
    [
        (f"https://{ARM_HOST}", -60, "ExpiredAuthenticationToken"),
        ("https://storage.azure.com", 60, "InvalidAuthenticationTokenAudience"),
    ],
)
def test_a_token_that_is_not_good_here(emulator_environment: Emulator, audience: str, seconds: int, code: str) -> None:
    token = identity.access_token(emulator_environment.settings, audience, seconds)
    answer = workspace(emulator_environment, token)
    assert (answer.status_code, answer.json()["error"]["code"]) == (httpx.codes.UNAUTHORIZED, code)


@pytest.mark.parametrize("token", ["", "not-a-token", "e30.e30.e30"])
def test_no_token_no_answer(emulator_environment: Emulator, token: str) -> None:
    assert workspace(emulator_environment, token).status_code == httpx.codes.UNAUTHORIZED


def test_the_token_lives_an_hour(emulator_environment: Emulator) -> None:
    known = emulator_environment.settings
    token = ClientSecretCredential(known.tenant_id, known.client_id, known.client_secret).get_token(SCOPE)
    assert 3500 < token.expires_on - time.time() <= 3600


def test_another_workspace_is_not_found(emulator_environment: Emulator) -> None:
    known = emulator_environment.settings
    token = identity.access_token(known, f"https://{ARM_HOST}")
    url = f"https://{ARM_HOST}{known.workspace_id}-of-somebody-else/computes"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (httpx.codes.NOT_FOUND, "ResourceNotFound")


@pytest.mark.parametrize(
    "host",
    [
        ARM_HOST,
        LOGIN_HOST,
        GITHUB_OIDC_HOST,
        "127.0.0.1",
        f"{LOGIN_HOST}:443",
        f"{LOGIN_HOST}:443:443",
        f"{LOGIN_HOST}.",
    ],
)
def test_no_host_name_leads_past_the_token(emulator: Emulator, host: str) -> None:
    known = emulator.settings
    trust = ssl.create_default_context(cafile=str(known.certificates / "ca.pem"))
    url = f"https://127.0.0.1:{known.ports.api}{known.workspace_id}/datastores/workspaceblobstore/listSecrets"
    with httpx.Client(verify=trust, trust_env=False) as client:
        answer = client.post(url, headers={"Host": host})
    assert answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.NOT_IMPLEMENTED}
    assert "sasToken" not in answer.text


@pytest.mark.parametrize("resource", ["https://management.azure.com", "https://management.core.windows.net"])
@pytest.mark.parametrize("slashes", ["/", "//"])
def test_all_names_of_arm_are_audiences(emulator_environment: Emulator, resource: str, slashes: str) -> None:
    """The az CLI asks with two slashes, and by ARM's older name."""
    known = emulator_environment.settings
    credential = ClientSecretCredential(known.tenant_id, known.client_id, known.client_secret)
    token = credential.get_token(f"{resource}{slashes}.default").token
    assert workspace(emulator_environment, token).status_code == httpx.codes.OK
