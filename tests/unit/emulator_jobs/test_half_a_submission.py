"""A job is stored with its run or not at all: after a kill between the two its name can be submitted again."""

import contextlib
from pathlib import Path

import pytest

from azureml_emulator import jobs, server
from azureml_emulator.app import create_app
from azureml_emulator.jobs.routes import _Jobs
from azureml_emulator.settings import load_or_create


def test_of_a_submission_that_ends_in_the_middle_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server.open_context(load_or_create(tmp_path / "state"))
    create_app(context, contextlib.nullcontext)
    compute, environment = f"{context.workspace_id}/computes/c", f"{context.workspace_id}/environments/e/versions/1"
    machine = {"computeType": "ComputeInstance", "properties": {"state": "Running", "vmSize": "Standard_DS3_v2"}}
    context.store.put("computes", compute, {"id": compute, "name": "c", "properties": machine})
    context.store.put("environments", environment, {"id": environment, "name": "1", "properties": {"image": "debian"}})
    work = {"jobType": "Command", "command": "true", "environmentId": environment, "computeId": compute}
    services = jobs._services(context)

    def die(_: object) -> None:
        assert context.store.get("jobs", f"{context.workspace_id}/jobs/half"), "the job is stored first"
        raise KeyboardInterrupt

    monkeypatch.setattr(services.runs, "create", die)
    with pytest.raises(KeyboardInterrupt):
        _Jobs(services)._put("half", {"properties": work})
    assert context.store.list("jobs") == []
    assert context.store.list("runs") == []
