import os
import signal
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, Output, command
from azure.ai.ml.entities import Job
from azure.ai.ml.exceptions import PipelineChildJobError
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ClientSecretCredential

from azureml_emulator import lifecycle, processes

from .conftest import COMPUTE, ENVIRONMENT, Submit, children, ended, failure, node, until, workspace
from .test_scheduling import FAMILY, alive


def submit_command(client: MLClient, text: str, **fields: object) -> Job:
    settings = {"environment": f"{ENVIRONMENT}@latest", "compute": COMPUTE, "experiment_name": "tests", **fields}
    return client.jobs.create_or_update(command(command=text, **settings))  # type: ignore[arg-type]


def test_a_command_job_streams_its_log(client: MLClient, capsys: pytest.CaptureFixture[str]) -> None:
    job = submit_command(client, "for i in 1 2 3; do echo line $i; sleep 1; done")
    client.jobs.stream(job.name)
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith("line ")] == ["line 1", "line 2", "line 3"]
    assert client.jobs.get(job.name).status == "Completed"


def test_an_output_becomes_a_data_asset_at_its_path(client: MLClient, tmp_path: Path) -> None:
    path = "azureml://datastores/workspaceblobstore/paths/mine/${{name}}/"
    job = submit_command(
        client,
        "echo hello > ${{outputs.out}}/a",
        outputs={"out": Output(type="uri_folder", path=path, name="said", version="1")},
    )
    assert ended(client, job.name) == "Completed"
    assert client.data.get("said", "1").path.endswith(f"/paths/mine/{job.name}/")
    reader = submit_command(
        client, "cat ${{inputs.a}}/a", inputs={"a": {"type": "uri_folder", "path": "azureml:said:1"}}
    )
    assert ended(client, reader.name) == "Completed"


def test_a_limit_ends_the_job(client: MLClient) -> None:
    job = command(command="sleep 600", environment=f"{ENVIRONMENT}@latest", compute=COMPUTE, experiment_name="tests")
    job.set_limits(timeout=1)
    submitted = client.jobs.create_or_update(job)
    assert ended(client, submitted.name) == "Failed"
    assert "limit of 1 seconds" in failure(client, submitted.name)


def test_submitting_again_runs_nothing_again(client: MLClient, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    text = f"echo once >> {ran}"
    first = submit_command(client, text, name="the-same-job")
    assert ended(client, first.name) == "Completed"
    again = submit_command(client, text, name="the-same-job", tags={"again": "yes"})
    assert again.status == "Completed"
    assert client.jobs.get(first.name).tags == {"again": "yes"}
    assert ran.read_text() == "once\n"


def test_an_archived_job_is_listed_no_more(client: MLClient) -> None:
    job = submit_command(client, "true")
    assert job.name in [one.name for one in client.jobs.list()]
    client.jobs.archive(job.name)
    assert job.name not in [one.name for one in client.jobs.list()]
    client.jobs.restore(job.name)
    assert job.name in [one.name for one in client.jobs.list()]


def test_a_missing_job_is_not_found(client: MLClient) -> None:
    with pytest.raises(ResourceNotFoundError, match="Job nowhere not found"):
        client.jobs.get("nowhere")


def test_a_node_is_a_child_job(client: MLClient, submit: Submit) -> None:
    job = submit({"hello": node("echo hello")})
    assert ended(client, job.name) == "Completed"
    child = children(client, job.name)["hello"]
    assert client.jobs.get(child.name).status == "Completed"
    with pytest.raises(PipelineChildJobError):
        client.jobs.stream(child.name)


def test_a_killed_emulator_leaves_failed_jobs(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path_factory.mktemp("killed")
    settings = lifecycle.up(state)
    try:
        for name, value in lifecycle.environment(settings).items():
            monkeypatch.setenv(name, value)
        credential = ClientSecretCredential(settings.tenant_id, settings.client_id, settings.client_secret)
        scope = (settings.subscription_id, settings.resource_group, settings.workspace)
        client = workspace(MLClient(credential, *scope, enable_telemetry=False, show_progress=False))
        code = tmp_path / "code"
        code.mkdir()
        (code / "family.py").write_text(FAMILY)
        job = submit_command(client, f"python family.py {tmp_path}", code=str(code))
        until("the job to run", (tmp_path / "pids").exists)
        emulator = processes.running(state / "pid" / "emulator")
        assert emulator is not None
        os.kill(emulator, signal.SIGKILL)

        # Other ports than before are possible; the proxy's is in the environment.
        monkeypatch.setenv("HTTPS_PROXY", lifecycle.environment(lifecycle.up(state))["HTTPS_PROXY"])
        assert client.jobs.get(job.name).status == "Failed"
        assert "The emulator was stopped while this job ran" in failure(client, job.name)
        assert not [pid for pid in (tmp_path / "pids").read_text().split() if alive(pid)]
    finally:
        lifecycle.down(state)
