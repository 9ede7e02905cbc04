"""MLflow outside of jobs: runs that a script begins on its own machine are jobs of the workspace, as in Azure."""

import json

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceNotFoundError

from ..conftest import Emulator
from . import mlflow_environment
from .conftest import children

LOG = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("on my machine")
with mlflow.start_run(run_name="outer") as outer:
    mlflow.set_tags({"team": "blue", "gone": "soon"})
    mlflow.log_metrics({"one": 1.0, "two": 2.0}, step=3)
    mlflow.log_params({"depth": 4})
    mlflow.log_text("hello", "deep/er/hällo world.txt")
    try:
        mlflow.log_text("again", "deep/er/hällo world.txt")
    except Exception as error:
        refused = str(error)
    with mlflow.start_run(run_name="inner", nested=True) as inner:
        mlflow.log_metric("one", 5)
client = mlflow.MlflowClient()
client.delete_tag(outer.info.run_id, "gone")
client.set_terminated(inner.info.run_id, "FAILED")
found = client.search_runs([outer.info.experiment_id], "metrics.one > 3")
print(json.dumps({
    "outer": outer.info.run_id,
    "inner": inner.info.run_id,
    "refused": refused,
    "found": [one.info.run_id for one in found],
    "root": [one.path for one in client.list_artifacts(outer.info.run_id)],
    "deep": [one.path for one in client.list_artifacts(outer.info.run_id, "deep/er")],
    "text": mlflow.artifacts.load_text(f"runs:/{outer.info.run_id}/deep/er/hällo world.txt"),
}))
"""
REGISTER = """
import json, pathlib, sys, tempfile, mlflow
from mlflow.exceptions import MlflowException
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "MLmodel").write_text("flavors:\\n  python_function:\\n    loader_module: none\\n")
(folder / "weights").write_text("1 2 3")
client.create_registered_model("local", tags={"kind": "test"}, description="a model")
try:
    client.create_registered_model("local")
except MlflowException as error:
    again = error.error_code
first = client.create_model_version("local", f"file://{folder}", tags={"a": "1"})
second = client.create_model_version("local", f"file://{folder}")
client.set_model_version_tag("local", first.version, "b", "2")
client.delete_model_version_tag("local", first.version, "a")
client.transition_model_version_stage("local", second.version, "Staging")
client.transition_model_version_stage("local", first.version, "Staging", archive_existing_versions=True)
client.update_registered_model("local", "another text")
downloaded = pathlib.Path(mlflow.artifacts.download_artifacts("models:/local/Staging"))
try:
    client.get_model_version("local", "7")
except MlflowException as error:
    missing = error.error_code
print(json.dumps({
    "again": again,
    "missing": missing,
    "versions": {one.version: one.current_stage for one in client.search_model_versions("name = 'local'")},
    "tags": client.get_model_version("local", first.version).tags,
    "described": client.get_registered_model("local").description,
    "named": [one.name for one in client.search_registered_models("name LIKE 'lo%'")],
    "weights": (downloaded / "weights").read_text(),
}))
client.delete_model_version("local", second.version)
"""


def outside(client: MLClient, emulator: Emulator, script: str) -> dict[str, object]:
    uri = client.workspaces.get(emulator.settings.workspace).mlflow_tracking_uri
    return dict(json.loads(mlflow_environment.run_outside(emulator, script, uri).splitlines()[-1]))


@pytest.mark.conformance("mlflow: a run begun outside of jobs is a job of the workspace")
def test_a_run_from_outside_is_a_job(client: MLClient, emulator: Emulator) -> None:
    seen = outside(client, emulator, LOG)
    outer, inner = str(seen["outer"]), str(seen["inner"])
    assert seen["found"] == [inner]
    assert seen["root"] == ["deep"]
    assert seen["deep"] == ["deep/er/hällo world.txt"]
    assert seen["text"] == "hello"
    # As in Azure: an artifact is written once.
    assert "Resource Conflict: ArtifactId" in str(seen["refused"])

    job = client.jobs.get(outer)
    assert (job.status, job.display_name, job.experiment_name) == ("Completed", "outer", "on my machine")
    assert job.tags["team"] == "blue"
    assert "gone" not in job.tags
    assert outer in {listed.name for listed in client.jobs.list()}
    child = children(client, outer)["inner"]
    assert (child.name, child.status) == (inner, "Failed")
    assert inner not in {listed.name for listed in client.jobs.list()}


@pytest.mark.conformance("mlflow: the model registry is the workspace's models")
def test_models_registered_in_mlflow_are_the_workspaces(client: MLClient, emulator: Emulator) -> None:
    seen = outside(client, emulator, REGISTER)
    assert seen["again"] == "RESOURCE_ALREADY_EXISTS"
    assert seen["missing"] == "RESOURCE_DOES_NOT_EXIST"
    assert seen["versions"] == {"1": "Staging", "2": "Archived"}
    assert seen["tags"] == {"b": "2"}
    assert seen["described"] == "another text"
    assert seen["named"] == ["local"]
    assert seen["weights"] == "1 2 3"
    model = client.models.get("local", "1")
    assert (model.type, model.stage, model.tags) == ("mlflow_model", "Staging", {"b": "2"})
    assert [version.version for version in client.models.list("local")] == ["1"]
    with pytest.raises(ResourceNotFoundError):
        client.models.get("local", "2")


BEGIN = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("on my machine")
print(json.dumps({"run": mlflow.start_run().info.run_id}), flush=True)
import os; os._exit(0)
"""
FIND = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("on my machine")
print(json.dumps({run.info.run_id: run.info.status for run in mlflow.search_runs(output_format="list")}))
"""


def test_a_run_from_outside_can_be_canceled(client: MLClient, emulator: Emulator) -> None:
    run = str(outside(client, emulator, BEGIN)["run"])
    client.jobs.begin_cancel(run).wait(30)
    assert client.jobs.get(run).status == "Canceled"
    assert outside(client, emulator, FIND)[run] == "KILLED"
