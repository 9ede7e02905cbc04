import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from azure.ai.ml import Input, MLClient
from azure.ai.ml.entities import Data, Model
from azure.core.exceptions import HttpResponseError

from azureml_emulator.blobs import Blobs
from azureml_emulator.jobs.files.data_errors import DataError
from azureml_emulator.jobs.files.storage import OtherAccount
from azureml_emulator.jobs.files.web import Fetching, fetch_folder
from tests.integration.conftest import Emulator

from .conftest import Submit, children, ended, failure, node
from .storage import CONTAINER, Storage, look, run, storage
from .storage import submit as submit_command

__all__ = ["storage"]

BLOBS = "azureml://datastores/workspaceblobstore/paths"


@pytest.mark.conformance("inputs: data by name, id, datastore, https, wasbs and abfss")
def test_every_way_to_name_data(
    client: MLClient, storage: Storage, folder: Path, tmp_path: Path, emulator: Emulator
) -> None:
    settings = emulator.settings
    for version in ("1", "2"):
        (folder / "one.txt").write_text(version)
        made = client.data.create_or_update(Data(name="named", version=version, type="uri_folder", path=str(folder)))
    path = str(made.path).partition("/paths/")[2]
    account = settings.storage_account
    workspace = (
        f"subscriptions/{settings.subscription_id}/resourcegroups/{settings.resource_group}"
        f"/workspaces/{settings.workspace}"
    )
    names = {
        "first": "azureml:named:1",
        "second": "azureml:named:2",
        "latest": "named@latest",
        "id": made.id,
        "short": f"{BLOBS}/{path}",
        "long": f"azureml://{workspace}/datastores/workspaceblobstore/paths/{path}",
        "run_history": f"azureml://locations/westeurope/workspaces/{settings.workspace}/data/named/versions/2",
        "https": f"https://{account}.blob.core.windows.net/{CONTAINER}/{path}",
        "wasbs": f"wasbs://{CONTAINER}@{account}.blob.core.windows.net/{path}",
        "abfss": f"abfss://{CONTAINER}@{account}.dfs.core.windows.net/{path}",
    }
    inputs = {name: Input(type="uri_folder", path=path) for name, path in names.items()}
    seen = look(client, tmp_path, storage, inputs)
    assert {name: one["folder"]["one.txt"] for name, one in seen.items()} == {  # type: ignore[index]
        name: "1" if name == "first" else "2" for name in names
    }


@pytest.mark.conformance("inputs: outputs and artifacts of other jobs")
def test_every_way_to_name_what_a_job_made(client: MLClient, submit: Submit, storage: Storage, tmp_path: Path) -> None:
    text = "mkdir ${{outputs.out}}/deep && echo deep > ${{outputs.out}}/deep/a && echo note > outputs/b"
    pipeline = submit({"a": node(text, outputs={"out": "${{parent.outputs.out}}"})}, outputs={"out": {}})
    assert ended(client, pipeline.name) == "Completed"
    name = children(client, pipeline.name)["a"].name
    asset = client.jobs._runs_operations.get_run_data(name).run_metadata.outputs["out"]["assetId"]
    for model, path in {"of-a-job": f"azureml://jobs/{name}/outputs/out", "of-a-run": f"runs:/{name}/outputs"}.items():
        client.models.create_or_update(Model(name=model, version="1", type="custom_model", path=path))
    seen = look(
        client,
        tmp_path,
        storage,
        {
            "output": Input(type="uri_folder", path=f"azureml://jobs/{name}/outputs/out"),
            "pipelines": Input(type="uri_folder", path=f"azureml://jobs/{pipeline.name}/outputs/out/paths/"),
            "below": Input(type="uri_file", path=f"azureml://jobs/{name}/outputs/out/paths/deep/a"),
            "artifacts": Input(type="uri_folder", path=f"azureml://jobs/{name}/outputs/artifacts/paths/outputs/"),
            "artifact": Input(type="uri_file", path=f"azureml://jobs/{name}/outputs/artifacts/paths/outputs/b"),
            "runs": Input(type="custom_model", path="azureml:of-a-run:1"),
            "asset": Input(type="uri_folder", path=asset),
            "by_name": Input(type="uri_folder", path=f"azureml:azureml_{name}_output_data_out:1"),
            "model": Input(type="custom_model", path="azureml:of-a-job:1"),
        },
    )
    whole = {"folder": {"deep/a": "deep\n"}}
    assert [seen[one] for one in ("output", "pipelines", "asset", "by_name", "model")] == [whole] * 5
    assert seen["below"] == {"file": "a", "text": "deep\n"}
    assert seen["artifacts"] == seen["runs"] == {"folder": {"b": "note\n"}}
    assert seen["artifact"] == {"file": "b", "text": "note\n"}


@pytest.mark.conformance("inputs: names with spaces and signs that mean something in a URL")
def test_names_are_kept_as_they_are(client: MLClient, storage: Storage, tmp_path: Path) -> None:
    names = ["a b", "100%", "x#y", "q?a=b", "ä ö/ü", "per%20cent", "+plus&and", "[1]*"]
    for name in names:
        storage.write(f"inputs-names/{name}", name)
    seen = look(
        client,
        tmp_path,
        storage,
        {
            "all": Input(type="uri_folder", path=f"{BLOBS}/inputs-names"),
            **{f"f{i}": Input(type="uri_file", path=f"{BLOBS}/inputs-names/{name}") for i, name in enumerate(names)},
        },
    )
    assert seen["all"] == {"folder": {name: name for name in names}}
    assert [seen[f"f{i}"]["text"] for i in range(len(names))] == names


@pytest.mark.conformance("inputs: blobs whose names lead out of the folder, or are a file and a folder at once")
@pytest.mark.parametrize(
    ("names", "message"), [(["a", "a/b"], "a file and a folder at once"), (["x" * 256], "too long for a file's name")]
)
def test_blobs_that_can_be_no_files(client: MLClient, storage: Storage, names: list[str], message: str) -> None:
    for name in names:
        storage.write(f"inputs-odd/{message}/{name}", "x")
    given = Input(type="uri_folder", path=f"{BLOBS}/inputs-odd/{message}")
    job = submit_command(client, "ls ${{inputs.a}}", inputs={"a": given})
    assert ended(client, job.name) == "Failed"
    assert message in failure(client, job.name)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server on loopback with two files."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "iris set.csv").write_text("sepal\n")

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.conformance("inputs: files of web servers, by themselves and as data assets")
def test_files_of_the_web(client: MLClient, storage: Storage, tmp_path: Path, site: str) -> None:
    client.data.create_or_update(Data(name="web", version="1", type="uri_file", path=f"{site}/iris%20set.csv"))
    seen = look(
        client,
        tmp_path,
        storage,
        {
            "mounted": Input(type="uri_file", path=f"{site}/iris%20set.csv"),
            "copied": Input(type="uri_file", path=f"{site}/iris%20set.csv?x=1", mode="download"),
            "asset": Input(type="uri_file", path="azureml:web:1"),
        },
    )
    assert seen["mounted"] == seen["copied"] == seen["asset"] == {"file": "iris set.csv", "text": "sepal\n"}


@pytest.mark.conformance("inputs: what a web server does not have fails the job with one clear error")
@pytest.mark.parametrize(
    ("kind", "path", "message"),
    [
        ("uri_file", "/gone.csv", "ScriptExecution.StreamAccess.NotFound"),
        ("uri_folder", "/iris%20set.csv", "a web server has no folders"),
    ],
)
def test_what_the_web_has_not(client: MLClient, site: str, kind: str, path: str, message: str) -> None:
    job = submit_command(client, "cat ${{inputs.a}}", inputs={"a": Input(type=kind, path=site + path)})
    assert ended(client, job.name) == "Failed"
    told = failure(client, job.name)
    assert message in told
    assert site + path in told


@pytest.mark.conformance("inputs: folders of other storage accounts that anybody may read")
def test_a_folder_of_another_account(emulator_environment: Emulator, storage: Storage, tmp_path: Path) -> None:
    settings = emulator_environment.settings
    for name in ("public", "private"):
        storage.write("data/a b/c", name, container=name)
    Blobs(settings).container("public").set_container_access_policy({}, public_access="container")
    fetching = Fetching(settings.certificates / "bundle.pem", tell=lambda _: None)
    files = fetch_folder(OtherAccount(settings.storage_account, "public", "data"), tmp_path / "in", fetching)
    assert [(file.relative_to(tmp_path / "in").as_posix(), file.read_text()) for file in files] == [("a b/c", "public")]
    with pytest.raises(DataError) as caught:
        fetch_folder(OtherAccount(settings.storage_account, "private", "data"), tmp_path / "in", fetching)
    assert caught.value.reason in {"Authentication", "NotFound"}
    sas = Blobs(settings).container_sas("private")
    files = fetch_folder(OtherAccount(settings.storage_account, "private", "data", sas), tmp_path / "in", fetching)
    assert [file.read_text() for file in files] == ["private"]


REFUSED = {
    "no such data": ("azureml:absent:7", 400, "data absent:7 not found"),
    "no such datastore": ("azureml://datastores/absent/paths/a", 400, "Datastore absent not found"),
    "another workspace": (
        "azureml://subscriptions/1/resourcegroups/g/workspaces/w/datastores/workspaceblobstore/paths/a",
        400,
        "is in another workspace",
    ),
    "no such job": ("azureml://jobs/absent/outputs/a", 400, "Job absent not found"),
    "no such registry": ("azureml://registries/absent/data/a/versions/1", 400, "data a:1 not found in registry absent"),
    "dots": ("azureml://datastores/workspaceblobstore/paths/a/../b", 400, "'.' or '..' as a part of it"),
    "dots in a URL": ("wasbs://a@azuremlemulator.blob.core.windows.net/a/../b", 400, "'.' or '..' as a part of it"),
    "not a container": ("wasbs://azuremlemulator.blob.core.windows.net/a", 400, "wasbs://CONTAINER@ACCOUNT"),
    "another scheme": ("s3://bucket/a", 400, "is no place of files"),
    "gen1": ("adl://store.azuredatalakestore.net/a", 501, "Azure Data Lake Storage Gen1"),
}


@pytest.mark.conformance("inputs: a reference to nothing is refused at submission")
@pytest.mark.parametrize(("path", "status", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_reference_to_nothing_is_refused(client: MLClient, path: str, status: int, message: str) -> None:
    with pytest.raises(HttpResponseError, match=message) as refusal:
        submit_command(client, "ls ${{inputs.a}}", inputs={"a": Input(type="uri_folder", path=path)})
    assert refusal.value.status_code == status


@pytest.mark.conformance("inputs: an output that a job does not have is refused")
def test_an_output_that_is_none(client: MLClient) -> None:
    job = run(client, "true")
    with pytest.raises(HttpResponseError, match=f"job {job.name} has no output missing"):
        submit_command(
            client,
            "ls ${{inputs.a}}",
            inputs={"a": Input(type="uri_folder", path=f"azureml://jobs/{job.name}/outputs/missing")},
        )
