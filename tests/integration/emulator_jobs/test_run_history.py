"""Run history: what the data plane tells of runs, and what may be changed of them afterwards."""

import ssl

import httpx
import pytest
from azure.ai.ml import MLClient, command
from azure.core.exceptions import HttpResponseError

from azureml_emulator import identity
from azureml_emulator.settings import API_HOST, ARM_HOST

from ..conftest import Emulator
from .conftest import COMPUTE, ENVIRONMENT, Submit, ended, node


def asked(emulator: Emulator, path: str, service: str = "history/v1.0", below: str = "/runs/") -> httpx.Response:
    """The data plane's answer to a GET, by default of a path below run history's runs."""
    settings = emulator.settings
    token = identity.access_token(settings, f"https://{ARM_HOST}")
    return httpx.get(
        f"https://127.0.0.1:{settings.ports.api}/{service}{settings.workspace_id}{below}{path}",
        headers={"Host": API_HOST, "Authorization": f"Bearer {token}"},
        verify=ssl.create_default_context(cafile=settings.certificates / "ca.pem"),
        trust_env=False,
    )


@pytest.mark.conformance("mlflow: what is changed of a job is changed in MLflow as well")
def test_a_job_that_has_ended_is_described_anew(client: MLClient, emulator: Emulator) -> None:
    job = client.jobs.create_or_update(
        command(
            command="true",
            environment=f"{ENVIRONMENT}@latest",
            compute=COMPUTE,
            experiment_name="tests",
            tags={"a": "1"},
        )
    )
    assert ended(client, job.name) == "Completed"
    job = client.jobs.get(job.name)
    job.tags["b"] = "2"
    job.display_name, job.description = "called otherwise", "what it is"
    client.jobs.create_or_update(job)
    changed = client.jobs.get(job.name)
    assert changed.tags["b"] == "2"
    assert (changed.display_name, changed.description) == ("called otherwise", "what it is")

    run = asked(emulator, f"runs/get?run_id={job.name}", "mlflow/v2.0", "/api/2.0/mlflow/").json()["run"]
    tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
    assert (tags["a"], tags["b"], tags["mlflow.note.content"]) == ("1", "2", "what it is")
    assert client.jobs.show_services(job.name) is None


@pytest.mark.conformance("mlflow: run history tells of children, times and errors in Azure's form")
def test_history_tells_why_a_child_failed(client: MLClient, submit: Submit, emulator: Emulator) -> None:
    job = submit({"good": node("true"), "bad": node("echo a reason >&2; exit 3")})
    assert ended(client, job.name) == "Failed"
    children = {one["displayName"]: one for one in asked(emulator, f"{job.name}/children").json()["value"]}
    assert set(children) == {"good", "bad"}
    first = asked(emulator, f"{job.name}/children?$top=1").json()
    assert len(first["value"]) == 1
    assert first["continuationToken"] == "1"
    assert asked(emulator, f"{job.name}/children?$top=many").status_code == 400

    bad = children["bad"]
    assert (bad["parentRunId"], bad["rootRunId"], bad["status"]) == (job.name, job.name, "Failed")
    assert bad["compute"] == {"target": COMPUTE, "targetType": "computeinstance"}
    assert bad["createdUtc"] <= bad["startTimeUtc"] <= bad["endTimeUtc"]
    error = bad["error"]["error"]
    assert error["code"] == "UserError"
    assert "exited with status code 3" in error["message"]
    assert "a reason" in error["message"]
    assert {"severity", "innerError", "details", "messageFormat", "target"} <= error.keys()
    assert children["good"]["error"] is None

    details = asked(emulator, f"{bad['runId']}/details").json()
    assert details["error"] == bad["error"]
    [log] = [url for name, url in details["logFiles"].items() if name == "user_logs/std_log.txt"]
    assert "sig=" in log
    whole = asked(emulator, f"{job.name}/details").json()
    assert "Failed nodes: /bad" in whole["error"]["error"]["message"]
    assert list(whole["logFiles"]) == ["logs/azureml/executionlogs.txt"]


def test_a_run_that_is_not_there_has_no_history(client: MLClient, emulator: Emulator) -> None:
    for path in ("nobody", "nobody/details", "nobody/children", "nobody/serviceinstances/0"):
        assert asked(emulator, path).status_code == 404
    with pytest.raises(HttpResponseError, match="not found"):
        client.jobs._runs_operations.get_run("nobody")
