"""Tokens that end before the job does: with OIDC, each sign-in asks GitHub for an ID token of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential

from azureml_emulator import lifecycle
from azureml_emulator.settings import Settings
from mlops_actions import azure

from .conftest import COMPUTE_YAML, ENVIRONMENT_YAML, Action, WriteYaml, node, pipeline

TOKEN_SECONDS = 3
JOB_SECONDS = 12


@pytest.fixture(scope="module")
def short_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An emulator whose access tokens, and GitHub's ID tokens, live for three seconds."""
    state = tmp_path_factory.mktemp("short-lived")
    try:
        yield lifecycle.up(state, token_lifetime=TOKEN_SECONDS)
    finally:
        lifecycle.down(state)


@pytest.fixture
def oidc(action: Action, short_lived: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The inputs by which an action signs in there, without any secret in the environment."""
    for name, value in lifecycle.environment(short_lived).items():
        monkeypatch.setenv(name, value)
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    return {"client_id": short_lived.client_id, "tenant_id": short_lived.tenant_id}


def id_tokens(log: str) -> set[str]:
    """GitHub's ID tokens that an action has asked for, by their masks."""
    return {line for line in log.splitlines() if line.startswith("::add-mask::ey")}


@pytest.mark.fault(
    "sign-in: the tokens end before the job",
    "GitHub is asked for a new ID token, and Azure for a new access token, as often as needed",
)
def test_a_job_that_outlives_several_tokens(action: Action, write_yaml: WriteYaml, oidc: dict[str, str]) -> None:
    environment = write_yaml("given/environment.yaml", ENVIRONMENT_YAML)
    assert action("register-assets", environments=environment, **oidc).status == 0
    assert action("ensure-compute", file=write_yaml("given/compute.yaml", COMPUTE_YAML), **oidc).status == 0
    talk = f"for i in $(seq {JOB_SECONDS}); do echo second $i; sleep 1; done"
    file = write_yaml("pipeline.yaml", pipeline({"long": node(talk)}))
    ran = action("run-aml-pipeline", file=file, **oidc)
    assert ran.status == 0, ran.log
    assert ran.outputs["status"] == "Completed"
    assert ran.log.count("[long] second ") == JOB_SECONDS
    assert len(id_tokens(ran.log)) >= JOB_SECONDS / TOKEN_SECONDS
    assert "cannot be read" not in ran.log


@pytest.mark.fault(
    "sign-in: an ID token that was kept from a sign-in before the step has ended",
    "Azure refuses it: let the action sign in by `client-id` and `tenant-id`",
)
@pytest.mark.usefixtures("oidc")
def test_one_id_token_does_not_last(short_lived: Settings) -> None:
    """What the above would come to if the first ID token were kept, as a sign-in before the step keeps it."""
    kept = azure.github_id_token()
    credential = ClientAssertionCredential(short_lived.tenant_id, short_lived.client_id, lambda: kept)
    credential.get_token(azure.SCOPE)
    with pytest.raises(ClientAuthenticationError, match="AADSTS700024"):
        sign_in_for(30, credential)


def sign_in_for(seconds: float, credential: ClientAssertionCredential) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        credential.get_token(azure.SCOPE)
        time.sleep(0.2)
