import asyncio
import ssl
import time
import uuid

import httpx
import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import ComputeInstance, Environment
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import ClientSecretCredential

from azureml_emulator import identity
from azureml_emulator.faults.client import Control
from azureml_emulator.settings import ARM_HOST
from tests.integration.conftest import Emulator
from tests.integration.emulator_faults.conftest import Arm, hits


@pytest.fixture
def arm_client(emulator_environment: Emulator) -> httpx.Client:
    """Requests as the SDK makes them, but none of them made again."""
    known = emulator_environment.settings
    token = identity.access_token(known, f"https://{ARM_HOST}")
    return httpx.Client(
        base_url=f"https://{ARM_HOST}{known.workspace_id}", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )


@pytest.mark.conformance("faults: a status, with Retry-After")
def test_the_sdk_waits_as_long_as_it_is_told_and_tries_again(ml_client: MLClient, arm: Arm, control: Control) -> None:
    arm("status", status=429, retry_after=1, route="GET computes", count=2)
    began = time.monotonic()
    list(ml_client.compute.list())
    assert 2 <= time.monotonic() - began < 10
    assert hits(control) == {"status": 2}


def test_a_status_has_azures_shape_and_headers(arm_client: httpx.Client, arm: Arm) -> None:
    arm("status", status=429, retry_after=7, operation="compute list")
    answer = arm_client.get("/computes")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json()["error"]["code"] == "TooManyRequests"
    arm("status", status=503, operation="compute list", code="ServerBusy", message="Come back later.")
    assert arm_client.get("/computes").json() == {
        "error": {"code": "ServerBusy", "message": "Come back later.", "details": []}
    }
    assert arm_client.get("/datastores").status_code == 200


@pytest.mark.conformance("faults: a status, with Retry-After")
def test_a_status_that_does_not_pass_is_the_sdks_own_exception(ml_client: MLClient, arm: Arm) -> None:
    arm("status", status=409, operation="environment create", message="Not now.")
    with pytest.raises(HttpResponseError, match="Not now") as caught:
        ml_client.environments.create_or_update(Environment(name="refused", version="1", image="debian:12"))
    assert caught.value.status_code == 409


@pytest.mark.conformance("faults: a request that is performed although its answer is lost")
def test_a_request_can_be_performed_although_its_answer_is_an_error(
    arm_client: httpx.Client, arm: Arm, ml_client: MLClient
) -> None:
    name = f"env-{uuid.uuid4().hex[:8]}"
    body = {"properties": {"image": "debian:12"}}
    arm("status", status=500, operation="environment create", performed=True, count=1)
    assert arm_client.put(f"/environments/{name}/versions/1", json=body).status_code == 500
    assert ml_client.environments.get(name, "1").image == "debian:12"


@pytest.mark.parametrize("performed", [False, True])
def test_a_connection_is_reset(
    arm_client: httpx.Client, arm: Arm, ml_client: MLClient, control: Control, performed: bool
) -> None:
    name = f"env-{uuid.uuid4().hex[:8]}"
    arm("reset", route="PUT environments/*/versions/*", performed=performed, count=1)
    with pytest.raises(httpx.TransportError):  # Python's ssl takes a reset for an end at times.
        arm_client.put(f"/environments/{name}/versions/1", json={"properties": {"image": "debian:12"}})
    assert hits(control) == {"reset": 1}
    assert (name in [environment.name for environment in ml_client.environments.list()]) == performed


def test_a_reset_is_one_for_tcp_too(emulator: Emulator, arm: Arm) -> None:
    arm("reset", route="GET computes")
    known = emulator.settings
    trust = ssl.create_default_context(cafile=str(known.certificates / "ca.pem"))

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", known.ports.api, ssl=trust)
        writer.write(f"GET {known.workspace_id}/computes HTTP/1.1\r\nHost: {ARM_HOST}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            await reader.read()

    asyncio.run(asyncio.wait_for(work(), 10))


@pytest.mark.conformance("faults: a reset connection")
def test_the_sdk_takes_a_reset_connection_for_one(ml_client: MLClient, arm: Arm, control: Control) -> None:
    arm("reset", operation="compute start")
    name = f"ci-{uuid.uuid4().hex[:8]}"
    ml_client.compute.begin_create_or_update(ComputeInstance(name=name, size="Standard_DS3_v2")).result()
    ml_client.compute.begin_stop(name).result()
    with pytest.raises((ServiceResponseError, ServiceRequestError), match=r"[Cc]onnection"):
        ml_client.compute.begin_start(name)
    control.clear()
    ml_client.compute.begin_start(name).result()


@pytest.mark.conformance("faults: a slow answer")
def test_an_answer_is_slow(arm_client: httpx.Client, arm: Arm) -> None:
    arm("slow", route="GET computes", seconds=0.7, after=1)
    took = []
    for _ in range(2):
        began = time.monotonic()
        assert arm_client.get("/computes").status_code == 200
        took.append(time.monotonic() - began)
    assert took[0] < 0.7 <= took[1]


def test_a_client_gives_up_on_a_slow_answer(arm_client: httpx.Client, arm: Arm) -> None:
    arm("slow", route="GET computes", seconds=60, count=1)
    with pytest.raises(httpx.ReadTimeout):
        arm_client.get("/computes", timeout=0.3)
    assert arm_client.get("/computes").status_code == 200


@pytest.mark.conformance("faults: an expired token")
def test_the_next_checks_find_the_token_expired(arm_client: httpx.Client, arm: Arm, ml_client: MLClient) -> None:
    arm("expired_token", count=2)
    answer = arm_client.get("/computes")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "ExpiredAuthenticationToken")
    assert answer.json()["error"]["message"].startswith("The access token expiry UTC time '")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    with pytest.raises(ClientAuthenticationError, match="ExpiredAuthenticationToken"):
        ml_client.compute.get("whatever")
    assert arm_client.get("/computes").status_code == 200


@pytest.mark.conformance("faults: a sign-in that fails for a while")
def test_a_sign_in_fails_as_entras_does(emulator_environment: Emulator, arm: Arm, control: Control) -> None:
    known = emulator_environment.settings
    arm("status", status=503, operation="sign-in")
    credential = ClientSecretCredential(known.tenant_id, known.client_id, known.client_secret, retry_total=0)
    with pytest.raises(ClientAuthenticationError, match="HTTP Error: 503"):
        credential.get_token(f"https://{ARM_HOST}/.default")
    control.clear()
    # Another one: MSAL does not ask again for a minute after an answer like that.
    credential = ClientSecretCredential(known.tenant_id, known.client_id, known.client_secret)
    assert credential.get_token(f"https://{ARM_HOST}/.default").token


@pytest.mark.conformance("faults: by probability, seeded")
def test_a_probability_strikes_the_same_requests_again(arm_client: httpx.Client, arm: Arm) -> None:
    def statuses() -> list[int]:
        arm("status", status=500, route="GET computes", probability=0.5, seed=3)
        return [arm_client.get("/computes").status_code for _ in range(30)]

    first = statuses()
    assert first == statuses()
    assert {200, 500} == set(first)


def test_the_emulators_own_pages_are_left_alone(emulator: Emulator, arm: Arm, control: Control) -> None:
    arm("status", status=500, route="**")
    assert control.listed()
    known = emulator.settings
    with httpx.Client(verify=False, trust_env=False) as client:  # noqa: S501 - whether it answers, not who
        assert client.get(f"https://127.0.0.1:{known.ports.api}/healthz").status_code == 200
