import datetime as dt
import time
from pathlib import Path

import pytest
from azure.ai.ml import Input, MLClient, Output
from azure.ai.ml.entities import AccountKeyConfiguration, AzureBlobDatastore, SasTokenConfiguration
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from azureml_emulator.blobs import Blobs, Place
from tests.integration.conftest import Emulator

from .conftest import COMPUTE, Submit, children, ended, failure, node
from .storage import Storage, run, storage
from .storage import submit as submit_command

__all__ = ["storage"]

BLOBS = "azureml://datastores/workspaceblobstore/paths"


@pytest.mark.conformance("outputs: default places, and paths with placeholders")
def test_places_of_outputs(client: MLClient, storage: Storage) -> None:
    job = run(
        client,
        "for o in ${{outputs.plain}} ${{outputs.named}} ${{outputs.store}}; do echo hi > $o/a; done; "
        "echo file > ${{outputs.file}}; echo other > ${{outputs.other}}",
        outputs={
            "plain": Output(type="uri_folder"),
            "named": Output(type="uri_folder", path=f"{BLOBS}/mine/${{{{name}}}}/${{{{output_name}}}}/"),
            "store": Output(type="uri_folder", path="azureml://datastores/${{default_datastore}}/paths/s/${{name}}"),
            "file": Output(type="uri_file", path=f"{BLOBS}/mine/${{{{name}}}}.csv"),
            "other": Output(type="uri_file"),
        },
    )
    paths = {
        name: output.path.partition("/datastores/")[2] for name, output in job.outputs.items() if name != "default"
    }
    assert paths == {
        "plain": f"workspaceblobstore/paths/azureml/{job.name}/plain/",
        "named": f"workspaceblobstore/paths/mine/{job.name}/named/",
        "store": f"workspaceblobstore/paths/s/{job.name}",
        "file": f"workspaceblobstore/paths/mine/{job.name}.csv",
        "other": f"workspaceblobstore/paths/azureml/{job.name}/other",
    }
    seen = {name: storage.read(job.outputs[name].path) for name in paths}
    folder = {"a": "hi\n"}
    assert seen == {"plain": folder, "named": folder, "store": folder, "file": {"": "file\n"}, "other": {"": "other\n"}}


@pytest.mark.conformance("outputs: rw_mount sees what is at its place, and updates it")
def test_a_mounted_output_updates_its_place(client: MLClient, storage: Storage) -> None:
    for name in ("kept", "changed", "removed"):
        storage.write(f"outputs-rw/folder/{name}", name)
    storage.write("outputs-rw/count", "1\n")
    job = run(
        client,
        "cd ${{outputs.folder}} && cat kept && echo more >> changed && rm removed && echo new > new; "
        "echo 2 >> ${{outputs.count}}",
        outputs={
            "folder": Output(type="uri_folder", path=f"{BLOBS}/outputs-rw/folder/", mode="rw_mount"),
            "count": Output(type="uri_file", path=f"{BLOBS}/outputs-rw/count"),
        },
    )
    assert storage.read(job.outputs["folder"].path) == {"kept": "kept", "changed": "changedmore\n", "new": "new\n"}
    assert storage.read(job.outputs["count"].path) == {"": "1\n2\n"}


@pytest.mark.conformance("outputs: upload brings files at the end, and leaves what is at the place")
def test_an_uploaded_output(client: MLClient, storage: Storage) -> None:
    storage.write("outputs-upload/old", "old")
    place = Output(type="uri_folder", path=f"{BLOBS}/outputs-upload/", mode="upload")
    run(client, "test -z $(ls ${{outputs.a}}) && echo new > ${{outputs.a}}/new", outputs={"a": place})
    assert storage.read(f"{BLOBS}/outputs-upload/".replace("azureml:/", "")) == {"old": "old", "new": "new\n"}


@pytest.mark.conformance("outputs: direct hands the URI over")
def test_a_direct_output(client: MLClient, storage: Storage) -> None:
    outputs = {
        "a": Output(type="uri_folder", mode="direct", name="by-uri", version="1"),
        "told": Output(type="uri_file"),
    }
    job = run(client, "echo ${{outputs.a}} > ${{outputs.told}}", outputs=outputs)
    assert storage.read(job.outputs["told"].path) == {"": job.outputs["a"].path + "\n"}
    assert client.data.get("by-uri", "1").path == job.outputs["a"].path


@pytest.mark.conformance("outputs: what a failed command wrote stays if it was mounted, not if it was to be uploaded")
def test_what_a_failed_command_wrote(client: MLClient, storage: Storage) -> None:
    text = "echo part > ${{outputs.mounted}}/a; echo part > ${{outputs.uploaded}}/a; exit 3"
    job = submit_command(
        client,
        text,
        outputs={
            "mounted": Output(type="uri_folder", name="of-a-failure"),
            "uploaded": Output(type="uri_folder", mode="upload"),
        },
    )
    assert ended(client, job.name) == "Failed"
    outputs = client.jobs.get(job.name).outputs
    assert storage.read(outputs["mounted"].path) == {"a": "part\n"}
    assert storage.read(outputs["uploaded"].path) == {}
    assert "of-a-failure" not in [one.name for one in client.data.list()]


@pytest.mark.conformance("outputs: empty ones, and names with spaces and signs")
def test_odd_names_and_empty_outputs(client: MLClient, submit: Submit, storage: Storage) -> None:
    names = ["a b", "100%", "x#y", "q?a=b", "ä ö", "per%20cent", "[1]"]
    make = "mkdir -p ${{outputs.out}}/nothing; " + "; ".join(f"echo -n x > '${{{{outputs.out}}}}/{n}'" for n in names)
    job = submit(
        {
            "make": node(make, outputs={"out": {"type": "uri_folder"}, "empty": {"type": "uri_folder"}}),
            "take": node(
                "test -d ${{inputs.empty}} && rmdir ${{inputs.empty}} && cp -r ${{inputs.a}}/. ${{outputs.out}}",
                inputs={
                    "a": "${{parent.jobs.make.outputs.out}}",
                    "empty": "${{parent.jobs.make.outputs.empty}}",
                },
                outputs={"out": "${{parent.outputs.taken}}"},
            ),
        },
        outputs={"taken": {"type": "uri_folder"}},
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    assert sorted(storage.read(client.jobs.get(job.name).outputs["taken"].path)) == sorted(names)


@pytest.mark.conformance("outputs: thousands of small files")
def test_many_files(client: MLClient, submit: Submit) -> None:
    make = "cd ${{outputs.out}} && for i in $(seq 1000); do echo $i > $i; done"
    began = time.monotonic()
    job = submit(
        {
            "make": node(make, outputs={"out": {"type": "uri_folder"}}),
            "count": node("test $(ls ${{inputs.a}} | wc -l) = 1000", inputs={"a": "${{parent.jobs.make.outputs.out}}"}),
        }
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    # About 2 ms for a file each way; the bound leaves room for a machine that has other things to do.
    assert time.monotonic() - began < 60


WRONG = {
    "a folder for a file": ("uri_file", "mkdir ${{outputs.a}}", "made a folder at its path"),
    "no file": ("uri_file", "true", "did not write the file"),
    "a file for a folder": ("uri_folder", "rmdir ${{outputs.a}} && echo x > ${{outputs.a}}", "left no folder"),
    "no folder": ("custom_model", "rmdir ${{outputs.a}}", "left no folder"),
    "a link to a file outside": ("uri_folder", "ln -s /etc/hostname ${{outputs.a}}/b", "the links b lead out"),
    "a link to a folder outside": ("mlflow_model", "ln -s /etc ${{outputs.a}}/b", "the links b lead out"),
    "a link for a file": ("uri_file", "ln -s /etc/hostname ${{outputs.a}}", "lead out of the run's folder"),
}


@pytest.mark.conformance("outputs: what is not of its type fails the job")
@pytest.mark.parametrize(("kind", "text", "message"), WRONG.values(), ids=WRONG.keys())
def test_an_output_that_is_not_of_its_type(client: MLClient, kind: str, text: str, message: str) -> None:
    job = submit_command(client, text, outputs={"a": Output(type=kind)})
    assert ended(client, job.name) == "Failed"
    assert message in failure(client, job.name)


@pytest.mark.conformance("outputs: links within the run's folder are followed")
def test_links_within_the_run(client: MLClient, storage: Storage, folder: Path) -> None:
    text = (
        "ln -s ${{inputs.a}}/one.txt ${{outputs.out}}/file; ln -s ${{inputs.a}}/inner ${{outputs.out}}/folder; "
        "ln -s . ${{outputs.out}}/circle; mkfifo ${{outputs.out}}/pipe; ln -s /etc/hostname outputs/secret; "
        "echo kept > outputs/kept"
    )
    job = run(client, text, inputs={"a": Input(type="uri_folder", path=str(folder))}, outputs={"out": Output()})
    assert storage.read(job.outputs["out"].path) == {"file": "one", "folder/two.txt": "two"}
    kept = storage.at(Place("azureml", f"ExperimentRun/dcid.{job.name}"))
    assert kept["outputs/kept"] == "kept\n"
    assert "outputs/secret" not in kept
    assert "outputs/secret is a link out of the run's folder" in kept["user_logs/std_log.txt"]


@pytest.mark.conformance("outputs: default artifacts and named outputs are downloaded")
def test_everything_is_downloaded(client: MLClient, tmp_path: Path) -> None:
    text = "mkdir outputs/deep; echo a > outputs/deep/a; echo b > ${{outputs.b}}/b; echo c > ${{outputs.c}}"
    job = run(client, text, outputs={"b": Output(), "c": Output(type="uri_file")})
    client.jobs.download(job.name, download_path=tmp_path, all=True)
    assert (tmp_path / "artifacts/outputs/deep/a").read_text() == "a\n"
    assert (tmp_path / "named-outputs/b/b").read_text() == "b\n"
    assert [file.read_text() for file in (tmp_path / "named-outputs/c").rglob("*") if file.is_file()] == ["c\n"]


REFUSED = {
    "unknown placeholder": (f"{BLOBS}/${{{{nothing}}}}/", 400, "is not one of"),
    "no such datastore": ("azureml://datastores/absent/paths/a", 400, "Datastore absent not found"),
    "dots": (f"{BLOBS}/../other/", 400, "'.' or '..' as a part of it"),
    "the web": ("https://example.com/a/", 400, "is not in the storage of workspace"),
    "another account": ("wasbs://data@elsewhere.blob.core.windows.net/a", 400, "is not in the storage of workspace"),
}


@pytest.mark.conformance("outputs: a place that cannot be written is refused at submission")
@pytest.mark.parametrize(("path", "status", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_place_that_is_none_is_refused(client: MLClient, path: str, status: int, message: str) -> None:
    with pytest.raises(HttpResponseError, match=message) as refusal:
        submit_command(client, "true", outputs={"a": Output(type="uri_folder", path=path)})
    assert refusal.value.status_code == status


@pytest.mark.conformance("outputs: default_datastore of a pipeline, and datastores of the user's own")
def test_outputs_go_to_the_default_datastore(
    client: MLClient, submit: Submit, storage: Storage, emulator: Emulator
) -> None:
    blobs = Blobs(emulator.settings)
    blobs.container("own-data")
    for name, container, account in (
        ("own_store", "own-data", emulator.settings.storage_account),
        ("far_store", "data", "elsewhere"),
    ):
        token = SasTokenConfiguration(sas_token=blobs.container_sas("own-data"))
        client.datastores.create_or_update(
            AzureBlobDatastore(name=name, account_name=account, container_name=container, credentials=token)
        )
    job = submit(
        {
            "make": node("echo hi > ${{outputs.out}}/a", outputs={"out": {"type": "uri_folder"}}),
            "take": node(
                "cp ${{inputs.a}}/a ${{outputs.out}}/b",
                inputs={"a": "${{parent.jobs.make.outputs.out}}"},
                outputs={"out": "${{parent.outputs.taken}}"},
            ),
        },
        outputs={"taken": {"type": "uri_folder"}},
        settings={"default_compute": f"azureml:{COMPUTE}", "default_datastore": "azureml:own_store"},
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    made = children(client, job.name)["make"].name
    assert storage.at(Place("own-data", "azureml")) == {f"{made}/out/a": "hi\n", f"{job.name}/taken/b": "hi\n"}
    assert "/datastores/own_store/paths/azureml/" in client.jobs.get(job.name).outputs["taken"].path
    far = Input(type="uri_folder", path="azureml://datastores/far_store/paths/a")
    with pytest.raises(HttpResponseError, match="another storage account") as refusal:
        submit_command(client, "ls ${{inputs.a}}", inputs={"a": far})
    assert refusal.value.status_code == 501


@pytest.mark.conformance("datastores: a SAS or a key that does not open the container fails the job")
def test_a_datastore_is_reached_with_its_own_credentials(
    client: MLClient, storage: Storage, emulator: Emulator
) -> None:
    storage.write("a/b", "hi", container="guarded")
    reading = generate_container_sas(
        emulator.settings.storage_account,
        "guarded",
        account_key=emulator.settings.storage_key,
        permission=ContainerSasPermissions(read=True, list=True),
        expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
    )
    for name, credentials in {
        "reading": SasTokenConfiguration(sas_token=reading),
        "keyed": AccountKeyConfiguration(account_key=emulator.settings.storage_key),
        "wrong": AccountKeyConfiguration(account_key="d3Jvbmc="),
    }.items():
        store = AzureBlobDatastore(
            name=name,
            account_name=emulator.settings.storage_account,
            container_name="guarded",
            credentials=credentials,
        )
        client.datastores.create_or_update(store)
    inputs = {
        name: Input(type="uri_folder", path=f"azureml://datastores/{name}/paths/a") for name in ("reading", "keyed")
    }
    text = "grep hi ${{inputs.reading}}/b ${{inputs.keyed}}/b && echo new > ${{outputs.out}}/c"
    output = Output(path="azureml://datastores/keyed/paths/a/")
    run(client, text, inputs=inputs, outputs={"out": output})
    assert storage.at(Place("guarded", "a")) == {"b": "hi", "c": "new\n"}
    for fields in (
        {"inputs": {"a": Input(type="uri_folder", path="azureml://datastores/wrong/paths/a")}},
        {"outputs": {"a": Output(path="azureml://datastores/reading/paths/a/")}},
    ):
        side = next(iter(fields))
        job = submit_command(client, f"touch ${{{{{side}.a}}}}/d", **fields)
        assert ended(client, job.name) == "Failed"
        assert "ScriptExecution.StreamAccess.Authentication" in failure(client, job.name)
