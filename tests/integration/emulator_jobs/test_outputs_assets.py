from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient, Output
from azure.ai.ml.entities import Data, Model
from azure.core.exceptions import HttpResponseError

from .conftest import Submit, children, ended, failure, node
from .storage import Storage, run, storage
from .storage import submit as submit_command

__all__ = ["storage"]

MLMODEL = "flavors: {python_function: {loader_module: mlflow.sklearn, python_version: 3.11}}"
WRITE = (
    "echo x > ${{outputs.file}}; echo x > ${{outputs.folder}}/a; echo x > ${{outputs.custom}}/a; "
    "echo x > ${{outputs.triton}}/a; echo 'paths: [{file: a.csv}]' > ${{outputs.table}}/MLTable; "
    f"echo '{MLMODEL}' > ${{{{outputs.mlflow}}}}/MLmodel"
)
TYPES = {
    "file": "uri_file",
    "folder": "uri_folder",
    "table": "mltable",
    "custom": "custom_model",
    "mlflow": "mlflow_model",
    "triton": "triton_model",
}


def check_registered(client: MLClient, prefix: str, job: str, paths: dict[str, str]) -> None:
    for name, kind in TYPES.items():
        store: Any = client.models if kind.endswith("_model") else client.data
        asset = store.get(f"{prefix}-{name}", "7")
        assert (asset.type, asset.path) == (kind, paths[name])
        assert (asset.job_name if kind.endswith("_model") else asset.properties["jobName"]) == job
    flavors = client.models.get(f"{prefix}-mlflow", "7").flavors
    assert flavors == {"python_function": {"loader_module": "mlflow.sklearn", "python_version": "3.11"}}
    assert client.data.get(f"{prefix}-table", "7")._referenced_uris == ["a.csv"]


@pytest.mark.conformance("outputs: named outputs of a command become data and models")
def test_named_outputs_of_a_command(client: MLClient) -> None:
    outputs = {name: Output(type=kind, name=f"command-{name}", version="7") for name, kind in TYPES.items()}
    job = run(client, WRITE, outputs=outputs)
    check_registered(client, "command", job.name, {name: job.outputs[name].path for name in TYPES})


@pytest.mark.conformance("outputs: named outputs of nodes and of pipelines become data and models")
def test_named_outputs_of_a_pipeline(client: MLClient, submit: Submit) -> None:
    free = {name: {"type": kind, "name": f"node-{name}", "version": "7"} for name, kind in TYPES.items()}
    job = submit(
        {
            "free": node(WRITE, outputs=free),
            "bound": node(WRITE, outputs={name: f"${{{{parent.outputs.{name}}}}}" for name in TYPES}),
        },
        outputs={name: {"type": kind, "name": f"pipeline-{name}", "version": "7"} for name, kind in TYPES.items()},
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    outputs = client.jobs.get(job.name).outputs
    check_registered(client, "pipeline", job.name, {name: outputs[name].path for name in TYPES})
    child = children(client, job.name)["free"].name
    start = client.data.get("node-folder", "7").path.rpartition("/folder/")[0]
    assert start.endswith(f"/azureml/{child}")
    slash = {name: "" if kind == "uri_file" else "/" for name, kind in TYPES.items()}
    check_registered(client, "node", child, {name: f"{start}/{name}{slash[name]}" for name in TYPES})


@pytest.mark.conformance("outputs: an output without a version gets the next one")
def test_versions_are_counted(client: MLClient) -> None:
    for version in ("1", "2"):
        job = run(client, "echo x > ${{outputs.a}}/b", outputs={"a": Output(name="counted")})
        assert client.data.get("counted", version).properties["jobName"] == job.name
    assert client.data.get("counted", label="latest").version == "2"


@pytest.mark.conformance("outputs: a version that exists already fails the job, and stays as it was")
def test_a_version_is_not_overwritten(client: MLClient) -> None:
    client.data.create_or_update(
        Data(name="taken", version="1", type="uri_folder", path="azureml://datastores/workspaceblobstore/paths/a/")
    )
    outputs = {"a": Output(name="taken", version="1")}
    job = submit_command(client, "echo x > ${{outputs.a}}/b", outputs=outputs)
    assert ended(client, job.name) == "Failed"
    assert "taken:1 (data): Asset paths cannot be updated." in failure(client, job.name)
    assert client.data.get("taken", "1").path.endswith("/datastores/workspaceblobstore/paths/a/")


@pytest.mark.conformance("outputs: a version that is none is refused at submission")
@pytest.mark.parametrize("version", ["no version", "latest", "1" * 31])
def test_a_version_that_is_none_is_refused(client: MLClient, version: str) -> None:
    with pytest.raises(HttpResponseError, match=f"'{version}' is") as refusal:
        submit_command(client, "true", outputs={"a": Output(name="fine", version=version)})
    assert refusal.value.status_code == 400


@pytest.mark.conformance("outputs: a name has versions of one type")
def test_a_name_has_one_type(client: MLClient) -> None:
    run(client, "echo x > ${{outputs.a}}/b", outputs={"a": Output(name="one-type")})
    job = submit_command(client, "echo x > ${{outputs.a}}", outputs={"a": Output(type="uri_file", name="one-type")})
    assert ended(client, job.name) == "Failed"
    assert "the other versions of one-type are uri_folder" in failure(client, job.name)


@pytest.mark.conformance("outputs: an mlflow_model without MLmodel is kept, without flavors")
def test_a_model_without_a_description(client: MLClient, storage: Storage) -> None:
    job = run(client, "echo x > ${{outputs.a}}/b", outputs={"a": Output(type="mlflow_model", name="bare", version="1")})
    assert storage.read(job.outputs["a"].path) == {"b": "x\n"}
    assert not client.models.get("bare", "1").flavors


@pytest.mark.conformance("outputs: models and data are registered from what a job made")
def test_what_a_job_made_is_registered(client: MLClient, tmp_path: Path) -> None:
    write = f"echo '{MLMODEL}' | tee ${{{{outputs.model}}}}/MLmodel outputs/MLmodel"
    job = run(client, write, outputs={"model": Output(type="mlflow_model")})
    paths = {
        "from-output": f"azureml://jobs/{job.name}/outputs/model",
        "from-artifacts": f"azureml://jobs/{job.name}/outputs/artifacts/paths/outputs/",
        "from-run": f"runs:/{job.name}/outputs",
    }
    for name, path in paths.items():
        model = client.models.create_or_update(Model(name=name, version="1", type="mlflow_model", path=path))
        assert "/datastores/workspace" in model.path
        assert model.job_name == job.name
        assert set(model.flavors or ()) == {"python_function"}
        client.models.download(name, version="1", download_path=tmp_path / name)
        assert [file.read_text() for file in (tmp_path / name).rglob("MLmodel")] == [MLMODEL + "\n"]
    data = Data(name="from-output", version="1", type="uri_folder", path=f"azureml://jobs/{job.name}/outputs/model")
    assert client.data.create_or_update(data).path == job.outputs["model"].path
    for asset, path in ((Model, f"azureml://jobs/{job.name}/outputs/none"), (Data, "azureml://jobs/none/outputs/a")):
        store = client.models if asset is Model else client.data
        kind = "custom_model" if asset is Model else "uri_folder"
        with pytest.raises(HttpResponseError, match=r"no output none|Job none not found") as refusal:
            store.create_or_update(asset(name="nothing", version="1", type=kind, path=path))
        assert refusal.value.status_code == 400
