"""Where a job's files are: from an asset's id, a job's output or a URI to a place in the workspace's storage."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from .. import assets, data
from ..blobs import Place
from ..context import Context
from ..errors import bad_request, not_found
from .runs import KIND as RUNS

_VERSION_ID = re.compile(r"^/subscriptions/.+/(?P<kind>data|models|codes)/[^/]+/versions/[^/]+$", re.IGNORECASE)
_JOB_OUTPUT = re.compile(r"^azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths/(?P<below>.*))?$")
_NAMED = re.compile(r"^azureml:(?P<name>[^/:@]+)(?::(?P<version>[^/:@]+)|@(?P<label>[^/:@]+))$")
_URI_FIELDS = {"data": "dataUri", "models": "modelUri", "codes": "codeUri"}
_PARALLEL = 8


def locate(context: Context, reference: str) -> str:
    """The URI of the files that an id or a URI stands for. Raises ServiceError (400, 404) if there is none."""
    if match := _VERSION_ID.match(reference):
        kind = match["kind"].lower()
        version = context.store.get(kind, reference)
        if version is None:
            raise not_found(f"{reference} is not found", "UserError")
        return locate(context, str(version["properties"][_URI_FIELDS[kind]]))
    if match := _NAMED.match(reference):
        named = assets.resolve(context, data.KIND, match["name"], match["version"] or match["label"])
        return locate(context, str(named["properties"]["dataUri"]))
    if match := _JOB_OUTPUT.match(reference):
        run = context.store.get(RUNS, match["job"])
        output = ((run or {}).get("outputs") or {}).get(match["output"])
        if output is None:
            raise not_found(f"job {match['job']} has no output {match['output']}", "UserError")
        return "/".join([str(output["uri"]).rstrip("/"), *filter(None, [match["below"]])])
    try:
        context.blobs.place(reference)
    except ValueError as error:
        raise bad_request(str(error)) from error
    return reference


def download(context: Context, uri: str, folder: Path) -> list[Path]:
    """Copy what is at `uri` into `folder`, a single file by its own name; the answer is the files written."""
    place = context.blobs.place(uri)
    container = context.blobs.container(place.container)
    prefix = place.prefix.rstrip("/")

    def one(name: str) -> Path:
        below = name[len(prefix) :].lstrip("/") or PurePosixPath(name).name
        target = folder / below
        if not target.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"the blob {name} would be written outside {folder}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            container.download_blob(name).readinto(file)
        return target

    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(one, context.blobs.files(place)))


def upload(context: Context, source: Path, place: Place) -> int:
    """Copy a file to `place`, or a folder's files below it; the answer is how many."""
    if source.is_file():
        return context.blobs.upload(source, place)
    container = context.blobs.container(place.container)

    def one(file: Path) -> None:
        name = f"{place.prefix.rstrip('/')}/{file.relative_to(source).as_posix()}"
        with file.open("rb") as content:
            container.upload_blob(name, content, overwrite=True)

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return len(list(pool.map(one, _files(source))))


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
