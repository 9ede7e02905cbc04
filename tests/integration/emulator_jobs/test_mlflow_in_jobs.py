"""What a job's script logs with azureml-mlflow, as it is seen from outside: a run, its children, artifacts, models."""

import json
from pathlib import Path

import pytest
from azure.ai.ml import MLClient

from ..conftest import Emulator
from . import mlflow_environment
from .conftest import Submit, children, ended, failure, node

TRAIN = """
import os, pathlib, mlflow, numpy
from sklearn.linear_model import LogisticRegression

mlflow.sklearn.autolog(log_models=False, log_datasets=False)
with mlflow.start_run() as run:
    assert run.info.run_id == os.environ["AZUREML_RUN_ID"]
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    pathlib.Path("plot.txt").write_text("a plot")
    mlflow.log_artifact("plot.txt", "plots")
    model = LogisticRegression(C=0.5).fit(numpy.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1])
    logged = mlflow.sklearn.log_model(model, "model")
    with mlflow.start_run(run_name="fold 1", nested=True):
        mlflow.log_metric("fold", 1)
    print("registered", mlflow.register_model(logged.model_uri, "classifier").version)
"""
READ = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[2])
client = mlflow.MlflowClient()
run = client.get_run(sys.argv[1])
root = run.data.tags["mlflow.parentRunId"]
found = mlflow.search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{root}'", output_format="list")
print(json.dumps({
    "status": run.info.status,
    "metrics": run.data.metrics,
    "params": run.data.params,
    "loss": [[one.step, one.value] for one in client.get_metric_history(sys.argv[1], "loss")],
    "plot": mlflow.artifacts.load_text(f"runs:/{sys.argv[1]}/plots/plot.txt"),
    "predicted": mlflow.sklearn.load_model("models:/classifier/1").predict([[0.0], [3.0]]).tolist(),
    "siblings": [one.info.run_id for one in found],
}))
"""


@pytest.mark.conformance("mlflow: azureml-mlflow in a job logs metrics, artifacts, nested runs and models")
def test_what_a_script_logs_is_the_workspaces(
    client: MLClient, submit: Submit, emulator: Emulator, tmp_path: Path
) -> None:
    mlflow_environment.register(client)
    train = node("python train.py", code=True, environment=mlflow_environment.NAME)
    job = submit({"train": train}, scripts={"train.py": TRAIN})
    assert ended(client, job.name, seconds=400) == "Completed", failure(client, job.name)
    run = children(client, job.name)["train"].name

    uri = client.workspaces.get(emulator.settings.workspace).mlflow_tracking_uri
    seen = json.loads(mlflow_environment.run_outside(emulator, READ, run, uri).splitlines()[-1])
    assert seen["status"] == "FINISHED"
    assert seen["metrics"]["loss"] == pytest.approx(1 / 3)
    assert seen["loss"] == [[0, 1.0], [1, 0.5], [2, pytest.approx(1 / 3)]]
    assert seen["params"]["C"] == "0.5"
    assert seen["plot"] == "a plot"
    assert seen["predicted"] == [0, 1]
    assert seen["siblings"] == [run]

    fold = children(client, run)["fold 1"]
    assert fold.status == "Completed"
    assert client.jobs.get(fold.name).display_name == "fold 1"

    model = client.models.get("classifier", "1")
    assert (model.type, model.job_name) == ("mlflow_model", run)
    assert "sklearn" in model.flavors
    assert model.path.endswith(f"/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{run}/model")

    client.jobs.download(run, download_path=tmp_path, all=True)
    assert (tmp_path / "artifacts/plots/plot.txt").read_text() == "a plot"
    assert (tmp_path / "artifacts/model/MLmodel").is_file()
    assert "registered 1" in (tmp_path / "artifacts/user_logs/std_log.txt").read_text()
