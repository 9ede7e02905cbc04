"""fetch-model with the real SDK: a version by number, the latest, and the very one that a job registered."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Model
from azure.storage.blob import BlobClient

from azureml_emulator.faults.client import Control
from mlops_actions import fetch_model
from tests.integration.conftest import Emulator
from tests.integration.emulator_faults.conftest import Arm, arm, control, hits

from .conftest import Action, Ran, WriteYaml, training

__all__ = ["arm", "control"]


@pytest.fixture
def name() -> str:
    return f"animals-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def registered(ml_client: MLClient, tmp_path: Path, name: str) -> str:
    """A model of two versions, registered by hand; each is a folder with a folder in it."""
    for version in ("1", "2"):
        source = tmp_path / f"source-{version}"
        (source / "inner").mkdir(parents=True)
        (source / "model.bin").write_text(f"weights {version}\n")
        (source / "inner" / "part").write_text("part\n")
        ml_client.models.create_or_update(Model(name=name, version=version, path=str(source), type="custom_model"))
    return name


def contents(folder: Path) -> dict[str, str]:
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != ".fetched-model.json"]
    return {file.relative_to(folder).as_posix(): file.read_text() for file in files}


@pytest.mark.parametrize(("given", "version"), [("1", "1"), ("2", "2"), ("latest", "2")])
def test_a_version(action: Action, tmp_path: Path, registered: str, given: str, version: str) -> None:
    ran = action("fetch-model", name=registered, version=given, path="context/model")
    assert ran.status == 0, ran.log
    folder = tmp_path / "context" / "model"
    assert contents(folder) == {"model.bin": f"weights {version}\n", "inner/part": "part\n"}
    digest = fetch_model.tree_digest(folder)
    assert ran.outputs == {
        "path": "context/model",
        "name": registered,
        "version": version,
        "sha256": digest,
        "job-name": "",
    }
    assert f"{registered}:{version}" in ran.summary
    assert digest in ran.summary
    assert [entry.name for entry in (tmp_path / "context").iterdir()] == ["model"]


def test_the_same_version_has_the_same_digest_and_replaces_itself(action: Action, registered: str) -> None:
    first, again = (action("fetch-model", name=registered, version="1") for _ in range(2))
    other = action("fetch-model", name=registered, version="2")
    assert first.outputs == again.outputs
    assert first.outputs["path"] == "model"
    assert other.outputs["sha256"] != first.outputs["sha256"]


@pytest.mark.fault("model: a file of it was changed in the folder since it was fetched", "it is fetched again")
def test_a_model_that_is_there_already_is_left_there(action: Action, registered: str, tmp_path: Path) -> None:
    first = action("fetch-model", name=registered, version="2")
    folder = (tmp_path / "model").stat()
    again = action("fetch-model", name=registered, version="latest")
    assert again.outputs == first.outputs
    assert f"model {registered}:2 is already in model" in again.log
    assert (tmp_path / "model").stat() == folder  # not put there anew
    (tmp_path / "model" / "model.bin").write_text("weights of somebody else\n")
    assert f"model {registered}:2 is in model" in action("fetch-model", name=registered, version="2").log
    assert contents(tmp_path / "model") == {"model.bin": "weights 2\n", "inner/part": "part\n"}


@pytest.mark.fault("model: its blobs were replaced since it was fetched", "it is fetched again")
def test_a_model_whose_blobs_were_replaced_is_downloaded(
    action: Action, registered: str, ml_client: MLClient, emulator: Emulator, tmp_path: Path
) -> None:
    assert action("fetch-model", name=registered, version="1").status == 0
    prefix = str(ml_client.models.get(registered, "1").path).partition("/paths/")[2].rstrip("/")
    settings = emulator.settings
    with BlobClient(
        settings.blob_url, "azureml-blobstore", f"{prefix}/model.bin", credential=settings.storage_key
    ) as blob:
        blob.upload_blob("weights 3\n", overwrite=True)  # as long as it was
    ran = action("fetch-model", name=registered, version="1")
    assert f"model {registered}:1 is in model" in ran.log
    assert contents(tmp_path / "model")["model.bin"] == "weights 3\n"


@pytest.mark.fault("model: what is stored of it cannot be listed", "the log says so, and it is fetched")
def test_storage_that_cannot_be_looked_into_is_told_and_downloaded_from(
    action: Action, registered: str, arm: Arm, control: Control
) -> None:
    first = action("fetch-model", name=registered, version="1")
    arm("status", status=403, code="AuthorizationFailed", route="GET datastores/*", count=1)
    again = action("fetch-model", name=registered, version="1")
    assert again.outputs == first.outputs
    assert f"the files of model {registered}:1 cannot be listed: " in again.log
    assert f"model {registered}:1 is in model" in again.log
    assert hits(control) == {"status": 1}


def test_a_model_of_a_single_file(action: Action, ml_client: MLClient, tmp_path: Path, name: str) -> None:
    (tmp_path / "model.pkl").write_text("pickled")
    model = Model(name=name, version="1", path=str(tmp_path / "model.pkl"), type="custom_model")
    ml_client.models.create_or_update(model)
    assert action("fetch-model", name=name, version="1").status == 0
    assert contents(tmp_path / "model") == {"model.pkl": "pickled"}


def run_training(action: Action, write_yaml: WriteYaml, model: str, content: str) -> Ran:
    file = write_yaml(f"{content}.yaml", training(model, content))
    ran = action("run-aml-pipeline", file=file, job_name=f"train-{content}-{uuid.uuid4().hex[:8]}")
    assert ran.status == 0, ran.log
    return ran


@pytest.mark.usefixtures("workspace")
def test_the_model_that_a_job_registered_and_not_a_later_one(
    action: Action, write_yaml: WriteYaml, tmp_path: Path, name: str
) -> None:
    first = run_training(action, write_yaml, name, "first")
    second = run_training(action, write_yaml, name, "second")
    assert (first.outputs["model-version"], second.outputs["model-version"]) == ("1", "2")

    fetched = action("fetch-model", job_name=first.outputs["job-name"], path="first")
    assert fetched.outputs["job-name"] == first.outputs["job-name"]
    assert (fetched.outputs["name"], fetched.outputs["version"]) == (name, "1")
    assert contents(tmp_path / "first") == {"model.bin": "first\n", "inner/part": "part\n"}

    both = {"job_name": second.outputs["job-name"], "path": "second"}
    assert action("fetch-model", **both, name=name, version="latest").outputs["version"] == "2"
    assert contents(tmp_path / "second")["model.bin"] == "second\n"

    wrong = action("fetch-model", **both, name=name, version="1")
    assert f"registered {name}:2, not {name}:1" in wrong.error
    assert contents(tmp_path / "second")["model.bin"] == "second\n", "the former model is still there"


@pytest.mark.usefixtures("workspace")
def test_a_job_that_registers_nothing(action: Action, write_yaml: WriteYaml, name: str) -> None:
    document = training(name)
    document["jobs"].pop("register")  # type: ignore[attr-defined]
    document.pop("outputs")
    ran = action("run-aml-pipeline", file=write_yaml("p.yaml", document), job_name=f"train-{uuid.uuid4().hex[:8]}")
    assert ran.status == 0, ran.log
    assert (ran.outputs["model-name"], ran.outputs["model-version"]) == ("", "")
    error = action("fetch-model", job_name=ran.outputs["job-name"]).error
    assert f"job {ran.outputs['job-name']} has no node that registers a model" in error


@pytest.mark.parametrize("version", ["1", "latest"])
def test_a_model_that_does_not_exist(action: Action, tmp_path: Path, name: str, version: str) -> None:
    ran = action("fetch-model", name=name, version=version)
    assert f"model {name}:{version} " in ran.error
    assert "does not exist in workspace" in ran.error
    assert ran.outputs == {}
    assert not (tmp_path / "model").exists()


def test_a_version_that_does_not_exist(action: Action, tmp_path: Path, registered: str) -> None:
    ran = action("fetch-model", name=registered, version="99")
    assert f"model {registered}:99 does not exist in workspace" in ran.error
    assert not (tmp_path / "model").exists()


def test_a_job_that_does_not_exist(action: Action, name: str) -> None:
    assert f"job {name} does not exist in workspace" in action("fetch-model", job_name=name).error


def test_no_model_is_named(action: Action) -> None:
    assert "which model is meant?" in action("fetch-model", name="animals").error


def test_a_folder_of_somebody_elses(action: Action, tmp_path: Path, registered: str) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").write_text("mine")
    assert "holds files that this action did not fetch" in action("fetch-model", name=registered, version="1").error
    assert contents(tmp_path / "model") == {"mine.txt": "mine"}


def test_bad_credentials(action: Action, tmp_path: Path, registered: str) -> None:
    credentials = {"clientId": "nobody", "clientSecret": "wrong", "tenantId": str(uuid.uuid4())}
    ran = action("fetch-model", name=registered, version="1", azure_credentials=json.dumps(credentials))
    assert "::add-mask::wrong" in ran.log.splitlines()
    assert "AADSTS" in ran.error
    assert not (tmp_path / "model").exists()
