"""What is in the workspace's storage account, to browse: folders page by page, and files piece by piece."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.paging import PageIterator
from azure.storage.blob import BlobClient, BlobPrefix

from ..blobs import Blobs, Place

_CONTAINER = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]")
_PAGE = 200
_SNIFFED = 4096


class NoSuchFile(Exception):  # noqa: N818
    """There is nothing at this place."""


@dataclass(frozen=True)
class Entry:
    """A file or folder in a folder; `path` is the whole name in the container, a folder's with a / at its end."""

    name: str
    path: str
    is_folder: bool
    size: int | None = None
    modified: str | None = None


@dataclass(frozen=True)
class Listing:
    """A part of a folder; `following` asks for the next one."""

    entries: list[Entry]
    following: str | None


@dataclass(frozen=True)
class Piece:
    """Bytes of a file from `start` on; the file has `total` of them."""

    data: bytes
    start: int
    total: int

    @property
    def end(self) -> int:
        """Where the next piece begins."""
        return self.start + len(self.data)


class Storage:
    """Reads the storage account. Every call blocks."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def place(self, uri: str) -> Place | None:
        """Where a URI points in this storage; None if it is elsewhere."""
        try:
            place = self._blobs.place(uri)
        except ValueError:
            return None
        return place if _is_safe(place.container, place.prefix) else None

    def listing(self, container: str, folder: str, following: str | None) -> Listing:
        """What is in a folder ("" or a path with a / at its end). Raises NoSuchFile."""
        _check(container, folder)
        client = self._blobs.service().get_container_client(container)
        pages = client.walk_blobs(folder, delimiter="/", results_per_page=_PAGE).by_page(following)
        if not isinstance(pages, PageIterator):
            raise TypeError(f"{type(pages)} cannot be gone through in pages")
        try:
            entries = [_entry(item, folder) for item in next(pages)]
        except StopIteration:
            entries = []
        except (ResourceNotFoundError, HttpResponseError) as error:
            raise NoSuchFile(f"{container}/{folder}") from error
        return Listing(entries, pages.continuation_token or None)

    def size(self, container: str, path: str) -> int | None:
        """The size of the file; None if there is none."""
        _check(container, path)
        if not path or path.endswith("/"):
            return None
        try:
            return int(self._client(container, path).get_blob_properties().size)
        except ResourceNotFoundError:
            return None

    def piece(self, container: str, path: str, start: int, length: int) -> Piece:
        """Part of a file: `length` bytes from `start`, from the end if it is negative. Raises NoSuchFile."""
        total = self.size(container, path)
        if total is None:
            raise NoSuchFile(f"{container}/{path}")
        begin = max(total + start, 0) if start < 0 else start
        if begin >= total:
            return Piece(b"", total, total)
        data = self._client(container, path).download_blob(begin, min(length, total - begin)).readall()
        return Piece(bytes(data), begin, total)

    def chunks(self, container: str, path: str) -> Iterator[bytes]:
        """The content of a file that is there."""
        _check(container, path)
        yield from self._client(container, path).download_blob().chunks()

    def _client(self, container: str, path: str) -> BlobClient:
        return self._blobs.service().get_blob_client(container, path)


def _entry(item: Any, folder: str) -> Entry:
    name = str(item.name)[len(folder) :]
    if isinstance(item, BlobPrefix):
        return Entry(name.rstrip("/"), str(item.name), is_folder=True)
    return Entry(name, str(item.name), False, int(item.size), item.last_modified.isoformat())


def _is_safe(container: str, path: str) -> bool:
    # Dots as a part of a path would be taken out of the request to the storage, and lead to another place.
    return bool(_CONTAINER.fullmatch(container)) and not {".", ".."} & set(path.split("/")) and "\0" not in path


def _check(container: str, path: str) -> None:
    if not _is_safe(container, path):
        raise NoSuchFile(f"{container}/{path}")


def is_text(data: bytes) -> bool:
    """Whether the beginning of a file is text."""
    return b"\0" not in data[:_SNIFFED]
