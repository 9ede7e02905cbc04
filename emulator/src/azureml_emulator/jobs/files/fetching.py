"""Brings the files of a URI to a folder of this machine, wherever they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import FORBIDDEN, UNAUTHORIZED
from pathlib import Path

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from ...blobs import Place
from ...context import Context
from ...errors import ServiceError
from . import storage, web
from .data_errors import DataError
from .storage import OtherAccount, WebFile
from .web import Fetching


@dataclass(frozen=True)
class Fetched:
    """Files that were brought; `single` if the URI is the very file's, not a folder's."""

    files: list[Path]
    single: bool


def fetch(context: Context, uri: str, folder: Path, fetching: Fetching, *, kind: str, sized: bool = False) -> Fetched:
    """Copy what is at `uri` into `folder`, a single file by its own name.

    `kind` is the type of the input: a file of another account or of a web server is asked for by itself, a folder is
    listed. `sized`: see `web.fetch`. Raises DataError, and what `fetching.check` raises.
    """
    source = resolve(context, uri)
    if isinstance(source, Place):
        with blob_errors(uri):
            files = context.blobs.download(source, folder, check=fetching.check)
            named = [file.relative_to(folder).as_posix() for file in files] == [source.prefix.rpartition("/")[2]]
            return Fetched(files, named and context.blobs.exists(source))
    if isinstance(source, OtherAccount) and kind != "uri_file":
        return Fetched(web.fetch_folder(source, folder, fetching), single=False)
    if isinstance(source, WebFile) and kind != "uri_file":
        raise DataError("NotSupported", f"{uri} is a file of a web server, not a {kind}: a web server has no folders.")
    return Fetched([web.fetch(source.url, folder, fetching, sized=sized)], single=True)


def resolve(context: Context, uri: str) -> storage.Source:
    """Where a URI's files are. Raises DataError."""
    try:
        return storage.resolve(context, uri)
    except ServiceError as error:
        raise DataError("InvalidInput", error.message) from error


@contextmanager
def blob_errors(uri: str) -> Iterator[None]:
    """Tell what goes wrong with blobs in here as DataError: a key or SAS that does not open them, odd names."""
    try:
        yield
    except HttpResponseError as error:
        refused = isinstance(error, ClientAuthenticationError) or error.status_code in {UNAUTHORIZED, FORBIDDEN}
        # Azurite's answer to a key that is not the account's.
        refused = refused or getattr(error, "error_code", None) == "InvalidAuthenticationInfo"
        kind = "Authentication" if refused else "ConnectionFailure"
        raise DataError(kind, f"{uri}: {error.reason or error.message}") from error
    except (ValueError, FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise DataError("InvalidInput", f"{uri}: {error}") from error
