"""The workspace's storage account: a real Azurite, reached here with the account key and by clients with SAS tokens."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_blob_sas,
    generate_container_sas,
)

from .settings import Settings

DATASTORES = {"workspaceblobstore": "azureml-blobstore", "workspaceartifactstore": "azureml"}
"""Containers of the datastores that every workspace has."""

# The version that the pinned Azurite knows; the SDK's default may be newer than the emulator of it.
_API_VERSION = "2025-05-05"
_PARALLEL = 8
_DATASTORE_URI = re.compile(r"datastores/([^/]+)/paths/(.*)$")


@dataclass(frozen=True)
class Place:
    """A container and a prefix (or a blob's name) in it."""

    container: str
    prefix: str


class Blobs:
    """Folders and files in the storage account. Every call blocks: call it from a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._account = settings.storage_account
        self._service: BlobServiceClient | None = None

    def service(self) -> BlobServiceClient:
        """The client, made when it is first needed: it takes no part in `up` being quick."""
        if self._service is None:
            self._service = BlobServiceClient(
                f"https://127.0.0.1:{self._settings.ports.blob}/{self._account}",
                credential={"account_name": self._account, "account_key": self._settings.storage_key},
                connection_verify=str(self._settings.certificates / "ca.pem"),
                api_version=_API_VERSION,
                # Its own proxy would send this back to itself.
                proxies={"https": None, "http": None},
            )
        return self._service

    def container(self, name: str) -> ContainerClient:
        """The container called `name`, created if it is missing."""
        client = self.service().get_container_client(name)
        with contextlib.suppress(ResourceExistsError):
            client.create_container()
        return client

    def url(self, place: Place) -> str:
        """The place's URL by the account's real host name."""
        return f"{self._settings.blob_url}/{place.container}/{place.prefix}".rstrip("/")

    def container_sas(self, container: str, *, hours: float = 2) -> str:
        """A SAS token for all of a container: read, add, create, write, delete, list."""
        return generate_container_sas(
            account_name=self._account,
            container_name=container,
            account_key=self._settings.storage_key,
            permission=ContainerSasPermissions.from_string("racwdl"),
            expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours),
        )

    def read_url(self, place: Place, *, hours: float = 2) -> str:
        """A URL that reads one blob, and nothing else, for some hours."""
        token = generate_blob_sas(
            account_name=self._account,
            container_name=place.container,
            blob_name=place.prefix,
            account_key=self._settings.storage_key,
            permission=BlobSasPermissions(read=True),
            expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours),
        )
        return f"{self.url(place)}?{token}"

    def place(self, uri: str) -> Place:
        """Where a datastore URI (`azureml://…/datastores/D/paths/P`) or a blob's https URL points.

        Raises ValueError for any other URI.
        """
        if match := _DATASTORE_URI.search(uri):
            store, path = match.groups()
            return Place(DATASTORES.get(store, store), path.strip("/"))
        parts = urlsplit(uri)
        if parts.hostname == urlsplit(self._settings.blob_url).hostname:
            container, _, path = unquote(parts.path).strip("/").partition("/")
            return Place(container, path)
        raise ValueError(f"{uri} is not in this workspace's storage")

    def files(self, place: Place) -> Iterator[str]:
        """Names of the blobs at `place`: the blob itself, or those below it."""
        prefix = place.prefix.rstrip("/")
        for name in self.container(place.container).list_blob_names(name_starts_with=prefix):
            if not prefix or name == prefix or name.startswith(prefix + "/"):
                yield name

    def download(self, place: Place, folder: Path) -> list[Path]:
        """Copy the blobs at `place` into `folder`, a single blob by its own name; the answer is the files written.

        Raises ValueError for a blob whose name leads out of the folder.
        """
        container = self.container(place.container)
        prefix = place.prefix.rstrip("/")

        def one(name: str) -> Path:
            target = folder / (name[len(prefix) :].lstrip("/") or PurePosixPath(name).name)
            if not target.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"the blob {name} would be written outside {folder}")
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                container.download_blob(name).readinto(file)
            return target

        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            return list(pool.map(one, self.files(place)))

    def upload(self, source: Path, place: Place) -> int:
        """Copy a file to the blob at `place`, or a folder's files below it; the answer is how many."""
        container = self.container(place.container)
        files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())

        def one(file: Path) -> None:
            below = "" if file == source else f"/{file.relative_to(source).as_posix()}"
            with file.open("rb") as content:
                container.upload_blob(f"{place.prefix.rstrip('/')}{below}".lstrip("/"), content, overwrite=True)

        with ThreadPoolExecutor(_PARALLEL) as pool:
            return len(list(pool.map(one, files)))
