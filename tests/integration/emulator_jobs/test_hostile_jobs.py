"""Jobs that no SDK sends, and jobs whose processes do not behave."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.ai.ml import MLClient

from azureml_emulator import identity
from azureml_emulator.settings import ARM_HOST

from ..conftest import Emulator
from .conftest import ENVIRONMENT, ended, failure

Send = Callable[..., httpx.Response]


@pytest.fixture
def send(emulator: Emulator, client: MLClient) -> Send:
    """Submits a command job as it is given, by a name of its own unless it is given one."""
    settings = emulator.settings
    token = identity.access_token(settings, f"https://{ARM_HOST}")
    trusted = ssl.create_default_context(cafile=settings.certificates / "ca.pem")
    assert client.workspace_name == settings.workspace

    def send(command: str = "true", **fields: Any) -> httpx.Response:
        environment = f"{settings.workspace_id}/environments/{ENVIRONMENT}/versions/1"
        properties = {"jobType": "Command", "command": command, "environmentId": environment, **fields}
        return httpx.put(
            f"https://127.0.0.1:{settings.ports.api}{settings.workspace_id}/jobs/j{uuid.uuid4().hex}",
            headers={"Host": ARM_HOST, "Authorization": f"Bearer {token}"},
            json={"properties": properties},
            verify=trusted,
            trust_env=False,
        )

    return send


@pytest.mark.parametrize("name", ["{there}", "../../{there}", "..", ".", "a/b", "a\0b", "", "x" * 256])
@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_name_that_leads_out_of_the_runs_folder_is_refused(send: Send, tmp_path: Path, side: str, name: str) -> None:
    there = tmp_path / "there"
    uri = "azureml://datastores/workspaceblobstore/paths/somewhere"
    port = {"jobInputType": "uri_folder", "jobOutputType": "uri_folder", "uri": uri}
    answer = send(**{side: {name.format(there=there): port}})
    assert answer.status_code == 400
    assert "is no name of an input or output" in answer.json()["error"]["message"]
    assert not there.exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"command": "echo a\0b"}, "its command has a null character"),
        ({"inputs": {"x": {"jobInputType": "literal", "value": "a\0b"}}}, "input x has a null character"),
        ({"environmentVariables": {"A=B": "c"}}, "'A=B' is no name of an environment variable"),
        ({"environmentVariables": {"": "c"}}, "'' is no name of an environment variable"),
        ({"environmentVariables": {"A": "\0"}}, "environment variable A has a null character"),
        ({"limits": {"jobLimitsType": "Command", "timeout": "PT0S"}}, "limits.timeout is 'PT0S'"),
        ({"limits": {"jobLimitsType": "Command", "timeout": "P"}}, "limits.timeout is 'P'"),
    ],
)
def test_what_no_program_can_be_given_is_refused(send: Send, fields: dict[str, Any], message: str) -> None:
    answer = send(**fields)
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_a_command_that_is_too_long_says_so(client: MLClient, send: Send) -> None:
    name = send("true " + "x" * 200_000).json()["name"]
    assert ended(client, name) == "Failed"
    assert "longer than the operating system allows" in failure(client, name)
