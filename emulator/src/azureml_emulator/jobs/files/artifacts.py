"""Artifacts: what runs log, in the workspace's artifact store, and the names by which clients call them.

Azure calls an artifact by origin, container and path: those of a run are `ExperimentRun/dcid.{run}/{path}`, what a
client uploaded is `LocalUpload/{container}/{path}`. Both are kept under just that name in the datastore
`workspaceartifactstore`. Models may be anywhere: `Datastore.{name}/_/{path}` stands for a path of another datastore.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from ...blobs import Place
from ...context import Context
from ...errors import ServiceError, bad_request, not_found
from ...settings import API_HOST
from . import storage

STORE = "workspaceartifactstore"
RUN_ORIGIN = "ExperimentRun"
_ORIGINS = frozenset({RUN_ORIGIN, "LocalUpload"})
_OTHER_STORE = "Datastore."
_ANY = "_"
_LONGEST = 1024
_NO_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_OF_RUN = re.compile(
    r"azureml://.+/(?:experiments|experimentids)/[^/]+/runs/(?P<run>[^/?]+)(?:/artifacts(?:/(?P<path>[^?]*))?)?"
)
_BY_ORIGIN = re.compile(
    r"(?:azureml://artifacts|mlflow-artifacts:)/+(?P<origin>[^/]+)/(?P<container>[^/]+)(?:/(?P<path>.*))?"
)
_IN_DATASTORE = re.compile(r"azureml://(?:.+/)?datastores/(?P<store>[^/]+)/paths/(?P<path>.*)")


@dataclass(frozen=True)
class Address:
    """An artifact, or with a path that has others below it a folder of them."""

    origin: str
    container: str
    path: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.origin, self.container, self.path) if part)

    def below(self, path: str) -> Address:
        """The artifact at `path` below this one. Raises ServiceError (400) if the path leads out of it."""
        return replace(self, path="/".join(part for part in (self.path, clean(path)) if part))


def of_run(run: str, path: str = "") -> Address:
    """An artifact of a run."""
    return Address(RUN_ORIGIN, f"dcid.{run}", clean(path))


def clean(path: str) -> str:
    """The path without needless slashes and dots. Raises ServiceError (400) for one that leads out of its folder.

    What storage takes as a blob's name is all that is taken:
    https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
    """
    if ".." in path.split("/") or len(path) > _LONGEST or _NO_NAME.search(path):
        raise bad_request(f"{path[:_LONGEST]!r} is not the path of an artifact", "ValidationError")
    return "" if (cleaned := str(PurePosixPath(path.strip("/")))) == "." else cleaned


def place(context: Context, address: Address) -> Place:
    """Where an artifact is in storage. Raises ServiceError (400, 404)."""
    if not address.origin.startswith(_OTHER_STORE):
        if address.origin not in _ORIGINS:
            raise not_found(f"there is no artifact of origin {address.origin}", "UserError")
        clean(str(address))
    return storage.place(context, datastore_uri(context, address))


def datastore_uri(context: Context, address: Address) -> str:
    """The artifact's URI in its datastore, as the models of a workspace have it."""
    if address.origin.startswith(_OTHER_STORE):
        store, path = address.origin.removeprefix(_OTHER_STORE), address.path
    else:
        store, path = STORE, str(address)
    return storage.full_uri(context, f"azureml://datastores/{store}/paths/{path}")


def client_uri(address: Address, *, azureml: bool) -> str:
    """What MLflow is told: its plugin azureml-mlflow knows `azureml://`, MLflow by itself `mlflow-artifacts:`."""
    return f"azureml://artifacts/{address}" if azureml else f"mlflow-artifacts:/{address}"


def run_uri(context: Context, run: str, experiment: str, *, azureml: bool) -> str:
    """The root of a run's artifacts, as MLflow is told it."""
    if not azureml:
        return client_uri(of_run(run), azureml=False)
    return f"azureml://{API_HOST}/mlflow/v2.0{context.workspace_id}/experiments/{experiment}/runs/{run}/artifacts"


def parse(context: Context, uri: str) -> Address:
    """The artifacts that a URI names, be it MLflow's or Azure's. Raises ServiceError (400, 404) if it names none."""
    if match := _OF_RUN.fullmatch(uri):
        return of_run(match["run"], match["path"] or "")
    if match := _BY_ORIGIN.fullmatch(uri):
        return Address(match["origin"], match["container"], clean(match["path"] or ""))
    try:
        located = storage.locate(context, uri)
    except ServiceError as error:
        raise ServiceError(error.status, error.code, f"{uri} names no artifacts: {error.message}") from error
    if not (match := _IN_DATASTORE.fullmatch(located)):
        raise bad_request(f"{uri} is not in a datastore of this workspace", "ValidationError")
    if match["store"] != STORE:
        return Address(f"{_OTHER_STORE}{match['store']}", _ANY, clean(match["path"]))
    origin, _, rest = clean(match["path"]).partition("/")
    container, _, path = rest.partition("/")
    return Address(origin, container, path)
