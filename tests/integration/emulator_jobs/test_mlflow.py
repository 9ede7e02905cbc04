import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from azure.ai.ml import MLClient, command
from azure.ai.ml.entities import Environment
from azure.identity import ClientSecretCredential

from azureml_emulator import lifecycle

from ..conftest import Emulator
from .conftest import COMPUTE, ENVIRONMENT, Submit, children, ended, node, until

LOG = """
import mlflow
with mlflow.start_run() as run:
    print("logging to run", run.info.run_id)
    mlflow.log_metric("accuracy", 0.5, step=1)
    mlflow.log_metric("accuracy", 0.75, step=2)
    mlflow.log_param("epochs", 3)
"""
READ = """
import json, sys, mlflow
client = mlflow.MlflowClient()
run = client.get_run(sys.argv[1])
client.log_metric(sys.argv[1], "seen", 1.0)
client.log_text(sys.argv[1], "hello", "note.txt")
print(json.dumps({
    "id": run.info.run_id, "metrics": run.data.metrics, "params": run.data.params, "status": run.info.status,
    "parent": run.data.tags.get("mlflow.parentRunId"),
    "artifacts": [a.path for a in client.list_artifacts(sys.argv[1])],
    "text": mlflow.artifacts.load_text(run.info.artifact_uri + "/note.txt"),
}))
"""


MODEL = """
import json, mlflow
class Twice(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [2 * value for value in model_input]
mlflow.set_experiment("plain")
with mlflow.start_run() as run:
    given = {"name": "model", "python_model": Twice(), "pip_requirements": ["mlflow"]}
    mlflow.pyfunc.log_model(**given, registered_model_name="twice")
    second = mlflow.pyfunc.log_model(**given)
print(json.dumps({
    "run": run.info.run_id,
    "registered": mlflow.pyfunc.load_model("models:/twice/1").predict([1, 2]),
    "second": mlflow.pyfunc.load_model(second.model_uri).predict([3]),
    "files": sorted(one.path for one in mlflow.MlflowClient().list_artifacts(run.info.run_id)),
}))
"""


def tracking_environment(emulator: Emulator) -> dict[str, str]:
    settings = emulator.settings
    credential = ClientSecretCredential(settings.tenant_id, settings.client_id, settings.client_secret)
    return {
        **emulator.environment,
        "MLFLOW_TRACKING_URI": f"https://westeurope.api.azureml.ms/mlflow/v2.0{settings.workspace_id}",
        "MLFLOW_TRACKING_TOKEN": credential.get_token("https://ml.azure.com/.default").token,
    }


def read(emulator: Emulator, run: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", READ, run],
        env=tracking_environment(emulator),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_metrics_of_a_node_are_read_over_https(client: MLClient, submit: Submit, emulator: Emulator) -> None:
    conda = {"name": "m", "dependencies": ["python=3.11", "pip", {"pip": ["mlflow-skinny==3.15.0"]}]}
    client.environments.create_or_update(Environment(name="mlflow", version="1", image="debian:12", conda_file=conda))
    job = submit({"train": node("python log.py", code=True, environment="mlflow")}, scripts={"log.py": LOG})
    assert ended(client, job.name, seconds=240) == "Completed"
    name = children(client, job.name)["train"].name
    run = read(emulator, name)
    assert run["id"] == name
    assert run["metrics"] == {"accuracy": 0.75}
    assert run["params"] == {"epochs": "3"}
    assert run["status"] == "FINISHED"
    # The parent's name is not MLflow's own id, but it is answered as if it were.
    assert run["parent"] == job.name
    # A job's logs are artifacts of its run, too.
    assert run["artifacts"] == ["note.txt", "user_logs"]
    assert read(emulator, job.name)["id"] == job.name


@pytest.mark.conformance("mlflow: MLflow without azureml-mlflow logs and registers models")
def test_models_of_plain_mlflow_are_the_workspaces(client: MLClient, emulator: Emulator, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MODEL],
        cwd=tmp_path,
        env=tracking_environment(emulator),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert (seen["registered"], seen["second"]) == ([2, 4], [6])
    assert seen["files"] == ["model", "models"]
    model = client.models.get("twice", "1")
    assert model.type == "mlflow_model"
    assert model.path.endswith(f"/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{seen['run']}/model")


def test_a_job_learns_no_secret(client: MLClient, emulator: Emulator, tmp_path: Path) -> None:
    job = client.jobs.create_or_update(
        command(
            command="env > outputs/env; echo ${{inputs.word}} > ${{outputs.out}}",
            inputs={"word": "hello"},
            outputs={"out": {"type": "uri_file"}},  # type: ignore[dict-item]
            environment=f"{ENVIRONMENT}@latest",
            compute=COMPUTE,
            experiment_name="tests",
        )
    )
    assert ended(client, job.name) == "Completed"
    client.jobs.download(job.name, download_path=tmp_path, all=True)
    assert (tmp_path / "named-outputs/out/out").read_text() == "hello\n"
    variables = (tmp_path / "artifacts/outputs/env").read_text()
    settings = emulator.settings
    for secret in (settings.client_secret, settings.storage_key, settings.signing_key, settings.github_request_token):
        assert secret not in variables
    assert f"AZUREML_RUN_ID={job.name}" in variables
    # Without azureml-mlflow in its environment, MLflow is told what it understands by itself.
    assert "MLFLOW_TRACKING_URI=https://westeurope.api.azureml.ms/mlflow/v2.0/subscriptions/" in variables
    assert f"MLFLOW_RUN_ID={job.name}" in variables
    assert "AZURE_ML_INPUT_word=hello" in variables


def test_a_server_killed_while_it_made_its_database_starts_again(tmp_path: Path) -> None:
    state = tmp_path / "killed"
    settings = lifecycle.up(state)
    lifecycle.down(state)
    (state / "mlflow" / "was-ready").unlink(missing_ok=True)
    (state / "mlflow" / "mlflow.db").write_bytes(b"half a database")
    settings = lifecycle.up(state)

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{settings.ports.mlflow}/health", trust_env=False).is_success
        except httpx.TransportError:
            return False

    try:
        until("MLflow", answers)
    finally:
        lifecycle.down(state)
