"""Bodies that no SDK sends: every one is answered by what is wrong with it, never by a defect of the emulator."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from azure.ai.ml import MLClient

from azureml_emulator import identity

from ..conftest import Emulator
from .conftest import COMPUTE, ENVIRONMENT, REGISTER

ROUNDS = 300
JUNK = (
    None,
    "",
    "x",
    "${{parent.inputs.a}}",
    "${{parent.jobs.a.outputs.o}}",
    "${{",
    0,
    -1,
    True,
    [],
    ["x"],
    {},
    {"x": 1},
)
PORT = {"job_input_type": "literal", "value": "1"}


def body(workspace: str) -> dict[str, Any]:
    folder = "azureml://datastores/workspaceblobstore/paths/a"
    return {
        "properties": {
            "jobType": "Pipeline",
            "displayName": "malformed",
            "experimentName": "tests",
            "tags": {"a": "b"},
            "inputs": {
                "a": {"jobInputType": "literal", "value": "1"},
                "f": {"jobInputType": "uri_folder", "uri": folder},
            },
            "outputs": {"o": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount"}},
            # A compute that is not there: whatever still names it is to be refused.
            "settings": {"default_compute": f"{workspace}/computes/nowhere", "continue_on_step_failure": False},
            "jobs": {
                "a": {
                    "name": "a",
                    "type": "command",
                    "componentId": REGISTER,
                    "inputs": {"model_name": PORT, "model_path": {"job_input_type": "uri_folder", "uri": folder}},
                    "outputs": {"registration_details_folder": {"type": "literal", "value": "${{parent.outputs.o}}"}},
                    "limits": {"timeout": 5},
                    "environment_variables": {"A": "B"},
                }
            },
        }
    }


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*above, key)
        yield from places(inner, (*above, key))


def damaged(whole: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    result = copy.deepcopy(whole)
    for _ in range(chance.randint(1, 3)):
        *above, last = chance.choice(list(places(result)) or [("properties",)])
        holder: Any = result
        for key in above:
            holder = holder[key]
        if chance.random() < 0.2:
            holder.pop(last, None) if isinstance(holder, dict) else holder.pop(last)
        else:
            holder[last] = copy.deepcopy(chance.choice(JUNK))
    return result


@pytest.mark.parametrize("kind", ["Pipeline", "Command"])
def test_a_malformed_job_is_refused(client: MLClient, emulator: Emulator, kind: str) -> None:
    settings = emulator.settings
    whole = body(settings.workspace_id)
    if kind == "Command":
        pipeline = whole["properties"]
        whole["properties"] = {
            **{key: pipeline[key] for key in ("displayName", "experimentName", "tags", "inputs", "outputs")},
            "jobType": "Command",
            "command": "echo ${{inputs.a}} ${{outputs.o}}",
            "environmentId": f"{settings.workspace_id}/environments/{ENVIRONMENT}/versions/1",
            "computeId": f"{settings.workspace_id}/computes/nowhere",
            "limits": {"timeout": "PT1M"},
            "environmentVariables": {"A": "B"},
        }
    chance = random.Random(20240101)  # noqa: S311
    token = identity.access_token(settings, "https://management.azure.com")
    with httpx.Client(
        base_url=f"https://127.0.0.1:{settings.ports.api}{settings.workspace_id}/jobs/",
        headers={"Host": "management.azure.com", "Authorization": f"Bearer {token}"},
        verify=False,  # noqa: S501
        trust_env=False,
    ) as http:
        for number in range(ROUNDS):
            sent = damaged(whole, chance)
            answer = http.put(f"malformed-{kind}-{number}", json=sent)
            if "/computes/nowhere" in json.dumps(sent):
                assert answer.status_code in {400, 501}, (sent, answer.text)
                assert answer.json()["error"]["message"], sent
            else:  # Without a compute a job is serverless, and may well be right in all the rest.
                assert answer.status_code in {201, 400, 501}, (sent, answer.text)
    assert client.compute.get(COMPUTE).state == "Running"
