import json
from pathlib import Path

from azure.ai.ml import MLClient

from .conftest import REGISTER, Submit, children, ended, failure, node

WRITE = "mkdir ${{outputs.model}}/part; echo weights > ${{outputs.model}}/model.bin; echo p > ${{outputs.model}}/part/p"


def register(**inputs: object) -> dict[str, object]:
    return {
        "type": "command",
        "component": REGISTER,
        "inputs": {"model_path": "${{parent.jobs.train.outputs.model}}", **inputs},
        "outputs": {"registration_details_folder": "${{parent.outputs.details}}"},
    }


def test_registers_the_model_that_the_job_made(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    known = [m.version for m in client.models.list("my-model")]
    job = submit(
        {
            "train": node(WRITE, outputs={"model": {"type": "uri_folder"}}),
            "register": register(model_name="my_model", model_type="custom_model"),
        },
        outputs={"details": {"type": "uri_folder"}},
    )
    assert ended(client, job.name) == "Completed"
    client.jobs.download(job.name, download_path=tmp_path / "out", output_name="details")
    details = json.loads((tmp_path / "out/named-outputs/details/model_registration_details.json").read_text())
    # The component has no underscores in names, and counts versions up.
    assert details["name"] == "my-model"
    assert details["type"] == "custom_model"
    assert details["version"] == str(len(known) + 1)

    model = client.models.get(details["name"], details["version"])
    assert model.path == details["path"]
    assert model.job_name == children(client, job.name)["train"].name
    client.models.download(details["name"], details["version"], download_path=tmp_path / "model")
    files = {f.name: f.read_text() for f in (tmp_path / "model").rglob("*") if f.is_file()}
    assert files == {"model.bin": "weights\n", "p": "p\n"}


def test_a_model_that_is_no_mlflow_model_is_refused(client: MLClient, submit: Submit) -> None:
    job = submit(
        {"train": node(WRITE, outputs={"model": {"type": "uri_folder"}}), "register": register(model_name="flow")},
        outputs={"details": {"type": "uri_folder"}},
    )
    assert ended(client, job.name) == "Failed"
    assert "no file MLmodel" in failure(client, job.name)
    assert not list(client.models.list("flow"))
