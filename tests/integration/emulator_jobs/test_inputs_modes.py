from pathlib import Path

import pytest
from azure.ai.ml import Input, MLClient
from azure.ai.ml.entities import Data, Model
from azure.ai.ml.entities._job import _input_output_helpers
from azure.ai.ml.operations import _data_operations
from azure.core.exceptions import HttpResponseError

from .conftest import Submit, children, ended, failure, node
from .storage import Storage, look, run, storage
from .storage import submit as submit_command

__all__ = ["storage"]

TABLE = """
paths:
  - file: ./one.csv
  - folder: ./inner
  - pattern: ./more/**/*.txt
transformations:
  - read_delimited: {delimiter: ','}
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def unreachable(*_: object) -> None:
        raise ConnectionError

    # The SDK goes without the schema if it cannot be had, but asks for it several times.
    monkeypatch.setattr(_data_operations, "download_mltable_metadata_schema", unreachable)
    folder = tmp_path / "table"
    for name in ("one.csv", "two.csv", "inner/a.csv", "inner/deep/b.csv", "more/x/c.txt", "more/d.bin"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "MLTable").write_text(TABLE)
    return folder


@pytest.mark.conformance("inputs: types, and the modes ro_mount, download and direct")
def test_every_type_of_input(client: MLClient, storage: Storage, folder: Path, tmp_path: Path, table: Path) -> None:
    uri = storage.write("inputs-types/note.txt", "a note")
    model = tmp_path / "model"
    model.mkdir()
    (model / "MLmodel").write_text("flavors: {python_function: {loader_module: x}}\n")
    seen = look(
        client,
        tmp_path,
        storage,
        {
            "folder": Input(type="uri_folder", path=str(folder)),
            "copied": Input(type="uri_folder", path=str(folder), mode="download"),
            "file": Input(type="uri_file", path=uri),
            "saved": Input(type="uri_file", path=uri, mode="download"),
            "direct": Input(type="uri_file", path=uri, mode="direct"),
            "web": Input(type="uri_file", path="https://example.com/a.csv", mode="direct"),
            "table": Input(type="mltable", path=str(table)),
            "custom": Input(type="custom_model", path=uri),
            "mlflow": Input(type="mlflow_model", path=str(model)),
            "triton": Input(type="triton_model", path=str(folder)),
            "text": "some words",
            "whole": 3,
            "real": 0.5,
            "flag": True,
        },
    )
    files = {"folder": {"inner/two.txt": "two", "one.txt": "one"}}
    assert seen["folder"] == seen["copied"] == seen["triton"] == files
    assert seen["file"] == seen["saved"] == seen["custom"] == {"file": "note.txt", "text": "a note"}
    long = str(seen["direct"]["value"])
    assert long.startswith("azureml://subscriptions/")
    assert long.endswith("/workspaces/emulator/datastores/workspaceblobstore/paths/inputs-types/note.txt")
    assert seen["web"] == {"value": "https://example.com/a.csv"}
    assert set(seen["table"]["folder"]) >= {"MLTable", "one.csv", "inner/deep/b.csv"}  # type: ignore[call-overload]
    assert set(seen["mlflow"]["folder"]) == {"MLmodel"}  # type: ignore[call-overload]
    values = [seen[name]["value"] for name in ("text", "whole", "real", "flag")]
    assert values == ["some words", "3", "0.5", "True"]


@pytest.mark.conformance("inputs: what is written to a read-only mount never reaches storage")
def test_a_read_only_mount_is_not_written_back(client: MLClient, storage: Storage) -> None:
    uri = storage.write("inputs-ro/a", "as it was").removesuffix("/a")
    text = """
stat -c %A ${{inputs.mounted}}/a | grep -v w || exit 9
chmod -R u+w ${{inputs.mounted}} && echo changed > ${{inputs.mounted}}/a && touch ${{inputs.mounted}}/new
echo changed > ${{inputs.copied}}/a
"""
    run(
        client,
        text,
        inputs={
            "mounted": Input(type="uri_folder", path=uri),
            "copied": Input(type="uri_folder", path=uri, mode="download"),
        },
    )
    assert storage.read(uri) == {"a": "as it was"}


@pytest.mark.conformance("inputs: rw_mount brings changes back to storage")
def test_a_writable_mount_is_written_back(client: MLClient, storage: Storage) -> None:
    for name in ("kept", "changed", "removed"):
        uri = storage.write(f"inputs-rw/{name}", "as it was").rpartition("/")[0]
    text = "cd ${{inputs.a}} && echo more >> changed && rm removed && mkdir new && echo hi > new/b"
    run(client, text, inputs={"a": Input(type="uri_folder", path=uri, mode="rw_mount")})
    assert storage.read(uri) == {"kept": "as it was", "changed": "as it wasmore\n", "new/b": "hi\n"}


@pytest.mark.conformance("inputs: eval_mount and eval_download bring the files that an MLTable names")
def test_a_table_is_evaluated(client: MLClient, storage: Storage, table: Path, tmp_path: Path) -> None:
    client.data.create_or_update(Data(name="rows", version="1", type="mltable", path=str(table)))
    storage.write("inputs-tables/far/z.csv", "z")
    far = "azureml://datastores/workspaceblobstore/paths/inputs-tables"
    storage.write("inputs-tables/remote/MLTable", f"paths: [{{pattern: '{far}/far/*.csv'}}, {{folder: '{far}/far/'}}]")
    remote = Data(name="remote-rows", version="1", type="mltable", path=f"{far}/remote/")
    assert client.data.create_or_update(remote).path == f"{far}/remote/"
    seen = look(
        client,
        tmp_path,
        storage,
        {
            "whole": Input(type="mltable", path="azureml:rows:1"),
            "mounted": Input(type="mltable", path="azureml:rows:1", mode="eval_mount"),
            "copied": Input(type="mltable", path="rows@latest", mode="eval_download"),
            "remote": Input(type="mltable", path="azureml:remote-rows:1", mode="eval_mount"),
            "direct": Input(type="mltable", path="azureml:remote-rows:1", mode="direct"),
        },
    )
    named = {name: name for name in ("one.csv", "inner/a.csv", "inner/deep/b.csv", "more/x/c.txt")}
    assert seen["mounted"] == seen["copied"] == {"folder": named}
    assert seen["remote"] == {"folder": {"z.csv": "z", "far/z.csv": "z"}}
    assert set(seen["whole"]["folder"]) > {*named, "MLTable", "two.csv"}  # type: ignore[call-overload]
    assert str(seen["direct"]["value"]).endswith("/datastores/workspaceblobstore/paths/inputs-tables/remote/")


@pytest.mark.conformance("inputs: a table that is none, or names what is not there, fails the job")
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none", None, "Not able to find MLTable file"),
        ("broken", "paths: 3", "MLTable has no list 'paths'"),
        ("gone", "paths: [{file: gone.csv}]", "Found no resources for the input provided: 'gone.csv'"),
        ("outside", "paths: [{file: ../a.csv}]", "leads out of its folder"),
    ],
)
def test_a_bad_table(client: MLClient, storage: Storage, name: str, text: str | None, message: str) -> None:
    uri = storage.write(f"inputs-bad-tables/{name}/other.csv", "x").rpartition("/")[0]
    if text is not None:
        storage.write(f"inputs-bad-tables/{name}/MLTable", text)
    job = submit_command(client, "ls ${{inputs.a}}", inputs={"a": Input(type="mltable", path=uri, mode="eval_mount")})
    assert ended(client, job.name) == "Failed"
    assert message in failure(client, job.name)


@pytest.mark.conformance("inputs: the modes of nodes, pipelines and components")
def test_a_node_says_how_it_gets_its_files(client: MLClient, submit: Submit, storage: Storage, folder: Path) -> None:
    component = {
        "type": "command",
        "command": "echo ${{inputs.a}} > ${{outputs.said}}/a",
        "environment": "azureml:plain-python@latest",
        "inputs": {"a": {"type": "uri_folder", "mode": "direct"}},
        "outputs": {"said": {"type": "uri_folder", "mode": "upload"}},
    }
    echo = "echo ${{inputs.a}} > ${{outputs.said}}/a"
    said = {"said": {"type": "uri_folder"}}
    job = submit(
        {
            "own": node(echo, inputs={"a": {"path": "${{parent.inputs.data}}", "mode": "direct"}}, outputs=said),
            "parents": node(echo, inputs={"a": "${{parent.inputs.direct}}"}, outputs=said),
            "components": {
                "type": "command",
                "component": "./echo.yaml",
                "inputs": {"a": "${{parent.jobs.own.outputs.said}}"},
            },
            "none": node(echo, inputs={"a": "${{parent.inputs.data}}"}, outputs=said),
        },
        components={"echo": component},
        inputs={
            "data": {"type": "uri_folder", "path": str(folder)},
            "direct": {"type": "uri_folder", "path": str(folder), "mode": "direct"},
        },
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    nodes = children(client, job.name)
    told = {
        name: storage.read(f"/datastores/workspaceblobstore/paths/azureml/{run.name}/said/")["a"]
        for name, run in nodes.items()
    }
    assert [name for name, one in told.items() if one.startswith("azureml://")] == ["own", "parents", "components"]
    assert told["components"].strip().endswith(f"/paths/azureml/{nodes['own'].name}/said/")
    assert told["none"].startswith("/")


@pytest.mark.conformance("inputs: a mode that a type does not have is refused")
@pytest.mark.parametrize(
    ("mode", "message"), [("EvalMount", "for inputs of type mltable"), ("Borrow", "is not one of")]
)
def test_a_mode_that_is_none_is_refused(
    client: MLClient, folder: Path, monkeypatch: pytest.MonkeyPatch, mode: str, message: str
) -> None:
    monkeypatch.setitem(_input_output_helpers.INPUT_MOUNT_MAPPING_TO_REST, "download", mode)
    with pytest.raises(HttpResponseError, match=message) as refusal:
        submit_command(
            client, "ls ${{inputs.a}}", inputs={"a": Input(type="uri_folder", path=str(folder), mode="download")}
        )
    assert refusal.value.status_code == 400


@pytest.mark.conformance("inputs: nothing there fails the job in Azure's words")
def test_a_missing_file_fails_the_job(client: MLClient) -> None:
    uri = "azureml://datastores/workspaceblobstore/paths/inputs-nowhere/a.csv"
    job = submit_command(client, "cat ${{inputs.a}}", inputs={"a": Input(type="uri_file", path=uri)})
    assert ended(client, job.name) == "Failed"
    told = failure(client, job.name)
    assert "ScriptExecution.StreamAccess.NotFound" in told
    assert '{"NonCompliant": "DataAccessError(NotFound)"}' in told
    assert uri.removeprefix("azureml://") in told


@pytest.mark.conformance("inputs: models by name, version and label")
def test_models_are_inputs(client: MLClient, storage: Storage, folder: Path, tmp_path: Path) -> None:
    for version in ("1", "2"):
        (folder / "one.txt").write_text(version)
        client.models.create_or_update(Model(name="an-input", version=version, type="custom_model", path=str(folder)))
    seen = look(
        client,
        tmp_path,
        storage,
        {
            "first": Input(type="custom_model", path="azureml:an-input:1"),
            "latest": Input(type="custom_model", path="an-input@latest"),
        },
    )
    assert [seen[name]["folder"]["one.txt"] for name in ("first", "latest")] == ["1", "2"]  # type: ignore[index]
