"""The workspace's storage, looked at past the SDK, and jobs that tell what they see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, command
from azure.ai.ml.entities import Job

from azureml_emulator.blobs import Blobs, Place
from azureml_emulator.settings import Settings

from .conftest import COMPUTE, ENVIRONMENT, ended, failure

CONTAINER = "azureml-blobstore"
LOOK = """
import json, pathlib, sys
def seen(value):
    path = pathlib.Path(value)
    if path.is_file():
        return {"file": path.name, "text": path.read_text()}
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.is_file()]
        return {"folder": {file.relative_to(path).as_posix(): file.read_text() for file in files}}
    return {"value": value}
target, *given = sys.argv[1:]
pairs = (one.split("=", 1) for one in given)
pathlib.Path(target, "seen.json").write_text(json.dumps({name: seen(value) for name, value in pairs}))
"""


class Storage:
    """Reads and writes blobs of the datastore `workspaceblobstore`, or of another container."""

    def __init__(self, settings: Settings) -> None:
        self._blobs = Blobs(settings)

    def write(self, path: str, text: str, container: str = CONTAINER) -> str:
        """Write a blob; the answer is its short URI, if it is in the default datastore."""
        self._blobs.container(container).upload_blob(path, text.encode(), overwrite=True)
        return f"azureml://datastores/workspaceblobstore/paths/{path}"

    def read(self, uri: str) -> dict[str, str]:
        """The blobs at a URI of the default datastore, by their names below it."""
        return self.at(Place(CONTAINER, uri.rpartition("/datastores/workspaceblobstore/paths/")[2]))

    def at(self, place: Place) -> dict[str, str]:
        """The blobs at a place, by their names below it."""
        prefix = place.prefix.rstrip("/")
        found = {}
        for name in self._blobs.files(place):
            content = self._blobs.read(Place(place.container, name))
            assert content is not None
            found[name[len(prefix) :].lstrip("/")] = content.decode()
        return found


@pytest.fixture
def storage(emulator_environment: object) -> Storage:
    return Storage(emulator_environment.settings)  # type: ignore[attr-defined]


def run(client: MLClient, text: str, **fields: object) -> Job:
    """Submit a command, and wait until it has completed."""
    job = submit(client, text, **fields)
    status = ended(client, job.name)
    assert status == "Completed", failure(client, job.name)
    return client.jobs.get(job.name)


def submit(client: MLClient, text: str, **fields: object) -> Job:
    settings = {"environment": f"{ENVIRONMENT}@latest", "compute": COMPUTE, "experiment_name": "tests", **fields}
    return client.jobs.create_or_update(command(command=text, **settings))  # type: ignore[arg-type]


def look(client: MLClient, folder: Path, storage: Storage, inputs: dict[str, object]) -> dict[str, dict[str, object]]:
    """What a command sees of its inputs: a file's name and text, a folder's files, or a plain value."""
    code = folder / "look"
    code.mkdir(exist_ok=True)
    (code / "look.py").write_text(LOOK)
    given = " ".join(f"'{name}=${{{{inputs.{name}}}}}'" for name in inputs)
    job = run(
        client,
        f"python look.py ${{{{outputs.seen}}}} {given}",
        code=str(code),
        inputs=inputs,
        outputs={"seen": {"type": "uri_folder"}},
    )
    written = storage.read(job.outputs["seen"].path)["seen.json"]
    return {name: dict(one) for name, one in json.loads(written).items()}
