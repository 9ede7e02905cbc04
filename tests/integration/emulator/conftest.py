"""What the tests of the emulator's resources share: names that are free, and ARM without the SDK between."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from azure.ai.ml import MLClient
from azure.identity import ClientSecretCredential

from azureml_emulator import identity
from azureml_emulator.settings import ARM_HOST
from tests.integration.conftest import Emulator


@pytest.fixture
def name() -> str:
    """A name that nothing in the emulator has."""
    return f"asset-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def arm(emulator_environment: Emulator) -> Iterator[httpx.Client]:
    """ARM, signed in; what is no whole URL is a path below the workspace."""
    known = emulator_environment.settings
    bearer = identity.access_token(known, f"https://{ARM_HOST}")
    with httpx.Client(
        base_url=f"https://{ARM_HOST}{known.workspace_id}/",
        headers={"Authorization": f"Bearer {bearer}"},
        params={"api-version": "2024-10-01"},
    ) as client:
        yield client


@pytest.fixture
def credential(emulator_environment: Emulator) -> ClientSecretCredential:
    known = emulator_environment.settings
    return ClientSecretCredential(known.tenant_id, known.client_id, known.client_secret)


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and error code of an answer."""
    return answer.status_code, str(answer.json()["error"]["code"])


@pytest.fixture
def delete_computes(ml_client: MLClient) -> Iterator[list[str]]:
    """Names of computes that are deleted after the test, so that they take none of the quota."""
    names: list[str] = []
    yield names
    pollers = [ml_client.compute.begin_delete(one) for one in names]
    for poller in pollers:
        poller.result()


def registry_client(credential: ClientSecretCredential, name: str) -> MLClient:
    """A client of a registry."""
    return MLClient(credential, registry_name=name, enable_telemetry=False, show_progress=False)


def finished(client: MLClient, job: str, seconds: float = 120) -> Any:
    """The job when it has ended."""
    deadline = time.monotonic() + seconds
    while (found := client.jobs.get(job)).status not in {"Completed", "Failed", "Canceled"}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found
