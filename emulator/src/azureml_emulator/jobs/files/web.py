"""Files from outside of the workspace: of web servers, and of other storage accounts that let anybody read.

They are fetched as this machine fetches everything: through its proxy variables, and trusting its authorities.
"""

from __future__ import annotations

import shutil
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob import ContainerClient

from ... import blobs
from ...blobs import Check
from ...settings import BLOB_SUFFIX
from .data_errors import DataError
from .storage import OtherAccount

_LARGEST_BYTES = 50 << 30
_SPARE_BYTES = 1 << 30
"""What is to stay free of the disk."""
_TELL_SECONDS = 5.0
_TIMEOUT = httpx.Timeout(30, connect=15)
_MIB = 1 << 20
_NOT_FOUND, _GONE = 404, 410
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True)
class Fetching:
    """What fetching takes: `authorities` is a file of CA certificates, `tell` writes a line to the run's log.

    `largest` is how many bytes one file may have.
    """

    authorities: Path
    tell: Callable[[str], None]
    check: Check = lambda: None
    largest: int = _LARGEST_BYTES


def fetch(url: str, folder: Path, fetching: Fetching, *, sized: bool = False) -> Path:
    """Copy the file at `url` into `folder` by its own name; the answer is where it is.

    With `sized` the server has to tell the length beforehand, as Azure needs it to mount a file. Raises DataError, and
    what `fetching.check` raises.
    """
    target = folder / _name(url)
    context = ssl.create_default_context(cafile=str(fetching.authorities))
    try:
        with (
            httpx.Client(verify=context, timeout=_TIMEOUT, follow_redirects=True) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            _judge(response, url, sized=sized)
            folder.mkdir(parents=True, exist_ok=True)
            _copy(response, url, target, fetching)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DataError("ConnectionFailure", f"{url}: {error or type(error).__name__}") from error
    return target


def _name(url: str) -> str:
    name = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    if name in {"", ".", ".."} or "\0" in name:
        raise DataError("NotFound", f"{url} names no file")
    return name


def _judge(response: httpx.Response, url: str, *, sized: bool) -> None:
    if response.status_code in {_NOT_FOUND, _GONE}:
        raise DataError("NotFound", f"{url} (HTTP status {response.status_code})")
    if response.status_code in _REFUSED:
        raise DataError("Authentication", f"{url} (HTTP status {response.status_code})")
    if not response.is_success:
        raise DataError("ConnectionFailure", f"{url}: HTTP status {response.status_code}")
    if sized and "content-length" not in response.headers:
        what = "Mounting http resource requires 'Content-Length' header to be returned by the web server."
        raise DataError("NotSupported", f"{url}: {what}")


def _copy(response: httpx.Response, url: str, target: Path, fetching: Fetching) -> None:
    announced = int(response.headers.get("content-length", "0"))
    limit = min(fetching.largest, shutil.disk_usage(target.parent).free - _SPARE_BYTES)
    done, told = 0, time.monotonic()
    with target.open("wb") as file:
        if announced > limit:
            raise DataError("TooLarge", f"{url} has {announced} bytes; {max(limit, 0)} may be fetched")
        for chunk in response.iter_bytes(_MIB):
            fetching.check()
            done += len(chunk)
            if done > limit:
                raise DataError("TooLarge", f"{url} has more than the {max(limit, 0)} bytes that may be fetched")
            file.write(chunk)
            if time.monotonic() - told > _TELL_SECONDS:
                told = time.monotonic()
                of = f" of {announced // _MIB}" if announced else ""
                fetching.tell(f"{url}: {done // _MIB}{of} MiB")
    if announced and done != announced:
        raise DataError("ConnectionFailure", f"{url}: {done} of {announced} bytes came")


def fetch_folder(source: OtherAccount, folder: Path, fetching: Fetching) -> list[Path]:
    """Copy what is at a place in another storage account into `folder`; the answer is the files. Raises DataError."""
    container = ContainerClient(
        f"https://{source.account}.{BLOB_SUFFIX}",
        source.container,
        credential=source.query or None,
        connection_verify=str(fetching.authorities),
        retry_total=2,
    )
    try:
        with container:
            return blobs.download(container, source.path, folder, check=fetching.check)
    except HttpResponseError as error:
        kind = "Authentication" if error.status_code in _REFUSED else "ConnectionFailure"
        raise DataError(kind, f"{source.url.partition('?')[0]}: {error.reason}") from error
    except AzureError as error:
        raise DataError("ConnectionFailure", f"{source.url.partition('?')[0]}: {error}") from error
    except ValueError as error:
        raise DataError("InvalidInput", str(error)) from error
