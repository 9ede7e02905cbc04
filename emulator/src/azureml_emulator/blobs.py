"""The workspace's storage account: a real Azurite, reached here with the account key and by clients with SAS tokens."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_blob_sas,
    generate_container_sas,
)

from . import trees
from .settings import Settings

Check = Callable[[], None]
"""Called before each file; raises what ends the whole transfer."""

DATASTORES = {"workspaceblobstore": "azureml-blobstore", "workspaceartifactstore": "azureml"}
"""Containers of the datastores that every workspace has."""

# The version that the pinned Azurite knows; the SDK's default may be newer than the emulator of it.
_API_VERSION = "2025-05-05"
_PARALLEL = 8
_SIGNED_ANEW_SECONDS = 1800
_SIGNED_URLS = 4096
_LONGEST_NAME = 255
_DATASTORE_URI = re.compile(r"datastores/([^/]+)/paths/(.*)$")


@dataclass(frozen=True)
class Place:
    """A container and a prefix (or a blob's name) in it.

    `secret` is the account key or the SAS token of the datastore that it is reached by; None: the workspace's own key.
    """

    container: str
    prefix: str
    secret: str | None = field(default=None, repr=False)


class Blobs:
    """Folders and files in the storage account. Every call blocks: call it from a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._account = settings.storage_account
        self._service: BlobServiceClient | None = None
        self._made: set[str] = set()
        # Whoever follows a job asks for the same URLs again and again, and a signature costs more than the rest.
        self._signed = functools.lru_cache(_SIGNED_URLS)(self._sign)

    def service(self) -> BlobServiceClient:
        """The client, made when it is first needed: it takes no part in `up` being quick."""
        if self._service is None:
            self._service = self._client(self._settings.storage_key)
        return self._service

    def _client(self, secret: str) -> BlobServiceClient:
        is_token = "sig=" in secret
        return BlobServiceClient(
            f"https://127.0.0.1:{self._settings.ports.blob}/{self._account}",
            credential=secret if is_token else {"account_name": self._account, "account_key": secret},
            connection_verify=str(self._settings.certificates / "ca.pem"),
            api_version=_API_VERSION,
            # Its own proxy would send this back to itself.
            proxies={"https": None, "http": None},
        )

    def _of(self, place: Place) -> ContainerClient:
        """The container of a place, whether there is one or not."""
        service = self.service() if place.secret is None else self._client(place.secret)
        return service.get_container_client(place.container)

    def container(self, name: str) -> ContainerClient:
        """The container called `name`, created if it is missing."""
        client = self.service().get_container_client(name)
        if name not in self._made:
            with contextlib.suppress(ResourceExistsError):
                client.create_container()
            self._made.add(name)
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

    def read_url(self, place: Place) -> str:
        """A URL that reads one blob, and nothing else, for an hour at least."""
        return self._signed(place, False, int(time.time() // _SIGNED_ANEW_SECONDS))

    def write_url(self, place: Place) -> str:
        """A URL that writes one blob, and nothing else, for an hour at least."""
        return self._signed(place, True, int(time.time() // _SIGNED_ANEW_SECONDS))

    def _sign(self, place: Place, write: bool, period: int) -> str:
        token = generate_blob_sas(
            account_name=self._account,
            container_name=place.container,
            blob_name=place.prefix,
            account_key=self._settings.storage_key,
            permission=BlobSasPermissions(read=not write, create=write, write=write),
            expiry=dt.datetime.fromtimestamp((period + 3) * _SIGNED_ANEW_SECONDS, dt.UTC),
        )
        return f"{self._settings.blob_url}/{place.container}/{quote(place.prefix)}?{token}"

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
        """Names of the blobs at `place`: the blob itself, or those below it; none if there is no such container."""
        # Listing makes no container: a reader's mistake must not become a place that exists.
        yield from names_at(self._of(place), place.prefix)

    def download(self, place: Place, folder: Path, *, check: Check = lambda: None) -> list[Path]:
        """Copy the blobs at `place` into `folder`, a single blob by its own name; the answer is the files written.

        Raises ValueError for a blob whose name can be no file in the folder.
        """
        return download(self._of(place), place.prefix, folder, check=check)

    def exists(self, place: Place) -> bool:
        """Whether there is a blob at exactly this place."""
        return bool(self._of(place).get_blob_client(place.prefix).exists())

    def read(self, place: Place) -> bytes | None:
        """The content of the blob at `place`, or None if there is none."""
        try:
            return bytes(self._of(place).get_blob_client(place.prefix).download_blob().readall())
        except ResourceNotFoundError:
            return None

    def upload(self, source: Path, place: Place, *, check: Check = lambda: None) -> int:
        """Copy a file to the blob at `place`, or a folder's files below it; the answer is how many.

        Links that lead out of the folder are left out, as are pipes, sockets and devices.
        """
        files = [(source, "")] if source.is_file() else trees.walk(source).files
        return self.upload_files(files, place, check=check)

    def upload_files(self, files: Iterable[tuple[Path, str]], place: Place, *, check: Check = lambda: None) -> int:
        """Copy files to blobs, each by its name below `place` ("": the place itself); the answer is how many."""
        container = self.container(place.container) if place.secret is None else self._of(place)
        prefix = place.prefix.rstrip("/")

        def one(entry: tuple[Path, str]) -> None:
            check()
            file, below = entry
            with file.open("rb") as content:
                container.upload_blob(f"{prefix}/{below}".strip("/"), content, overwrite=True)

        with ThreadPoolExecutor(_PARALLEL) as pool:
            return len(list(pool.map(one, files)))

    def copy(self, source: Place, target: Place, *, check: Check = lambda: None) -> int:
        """Copy the blobs at `source` to the same names below `target`, within the storage; the answer is how many."""
        origin = self._of(source)
        container = self.container(target.container)
        old, new = source.prefix.rstrip("/"), target.prefix.rstrip("/")

        def one(name: str) -> None:
            check()
            container.get_blob_client(new + name[len(old) :]).start_copy_from_url(origin.get_blob_client(name).url)

        with ThreadPoolExecutor(_PARALLEL) as pool:
            return len(list(pool.map(one, list(names_at(origin, old)))))

    def delete(self, place: Place, names: Iterable[str]) -> None:
        """Remove the blobs with these names below `place`; those that are gone already are no error."""
        container, prefix = self._of(place), place.prefix.rstrip("/")
        for name in names:
            with contextlib.suppress(ResourceNotFoundError):
                container.delete_blob(f"{prefix}/{name}".strip("/"))


def names_at(container: ContainerClient, prefix: str) -> Iterator[str]:
    """Names of the blobs in a container at `prefix`: the blob itself, or those below it."""
    prefix = prefix.rstrip("/")
    try:
        for name in container.list_blob_names(name_starts_with=prefix):
            if not prefix or name == prefix or name.startswith(prefix + "/"):
                yield name
    except ResourceNotFoundError:
        return


def download(container: ContainerClient, prefix: str, folder: Path, *, check: Check = lambda: None) -> list[Path]:
    """Copy the blobs at `prefix` into `folder`, a single blob by its own name; the answer is the files written.

    A blob that only marks a folder becomes that folder (storage with a hierarchical namespace has such blobs). Raises
    ValueError for a blob whose name can be no file in the folder.
    """
    prefix = prefix.rstrip("/")
    names = list(names_at(container, prefix))
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}

    def one(name: str) -> Path | None:
        check()
        below = name[len(prefix) :].lstrip("/") or PurePosixPath(name).name
        target = folder / _relative(below, name)
        if name.endswith("/") or name in folders:
            if container.get_blob_client(name).get_blob_properties().size:
                raise ValueError(f"the blob {name} is a file and a folder at once")
            target.mkdir(parents=True, exist_ok=True)
            return None
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            container.download_blob(name).readinto(file)
        return target

    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_PARALLEL) as pool:
        return [path for path in pool.map(one, names) if path is not None]


def _relative(below: str, name: str) -> PurePosixPath:
    path = PurePosixPath(below)
    # Dots as a part of a path would also be taken out of the request's URL, and name another blob.
    if ".." in below.split("/") or "." in below.split("/") or "\0" in below:
        raise ValueError(f"the blob {name} would be written outside of its folder")
    if any(len(part.encode()) > _LONGEST_NAME for part in path.parts):
        raise ValueError(f"the blob {name} has a part that is too long for a file's name")
    return path
