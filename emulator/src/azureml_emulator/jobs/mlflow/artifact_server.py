"""MLflow's artifact server, on the workspace's artifact store: for MLflow without azureml-mlflow.

`mlflow-artifacts:/{origin}/{container}/{path}` is what such a client is told, and it then asks the tracking server for
`/api/2.0/mlflow-artifacts/artifacts/{origin}/{container}/{path}`:
https://mlflow.org/docs/latest/rest-api.html and mlflow/protos/mlflow_artifacts.proto
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, BlobPrefix
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from ...context import Context
from ...errors import ServiceError, not_implemented
from ..files import artifacts
from ..files.artifacts import Address

PREFIX = "/api/2.0/mlflow-artifacts/"
_ARTIFACTS = f"{PREFIX}artifacts"
_BLOCK_BYTES = 4 << 20


def listed(context: Context, address: Address) -> list[dict[str, Any]]:
    """The files and folders directly below the artifact, each with its name alone, as MLflow writes them."""
    place = artifacts.place(context, address)
    prefix = f"{place.prefix}/"
    found = []
    container = context.blobs.service().get_container_client(place.container)
    try:
        for one in container.walk_blobs(name_starts_with=prefix):
            name = one.name[len(prefix) :].rstrip("/")
            size = {} if isinstance(one, BlobPrefix) else {"file_size": one.size}
            found.append({"path": name, "is_dir": not size, **size})
    except ResourceNotFoundError:  # No container: nothing was ever logged.
        return []
    return found


class ArtifactServer:
    """Answers what is below `/api/2.0/mlflow-artifacts/`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def answer(self, request: Request, path: str) -> Response:
        """The answer to a request for `path`. Raises ServiceError."""
        if path == _ARTIFACTS:
            return await self._list(request)
        if not path.startswith(f"{_ARTIFACTS}/"):
            raise not_implemented(f"{request.method} {path}")
        address = _address(path.removeprefix(f"{_ARTIFACTS}/"))
        if request.method == "PUT":
            return await self._put(request, address)
        if request.method == "DELETE":
            return await run_in_threadpool(self._delete, address)
        return await run_in_threadpool(self._get, address)

    async def _list(self, request: Request) -> Response:
        address = _address(request.query_params.get("path", ""))
        return JSONResponse({"files": await run_in_threadpool(listed, self._context, address)})

    def _blob(self, address: Address) -> BlobClient:
        place = artifacts.place(self._context, address)
        return self._context.blobs.container(place.container).get_blob_client(place.prefix)

    async def _put(self, request: Request, address: Address) -> Response:
        blob = await run_in_threadpool(self._blob, address)
        blocks: list[BlobBlock] = []
        async for part in _parts(request.stream()):
            block = BlobBlock(base64.b64encode(f"{len(blocks):08d}".encode()).decode())
            await run_in_threadpool(blob.stage_block, block.id, part)
            blocks.append(block)
        await run_in_threadpool(blob.commit_block_list, blocks)
        return JSONResponse({})

    def _get(self, address: Address) -> Response:
        try:
            content = self._blob(address).download_blob()
        except ResourceNotFoundError as error:
            raise _missing(address) from error
        kind = mimetypes.guess_type(address.path)[0] or "application/octet-stream"
        name = PurePosixPath(address.path).name.encode("ascii", "replace").decode().replace('"', "_")
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
        return StreamingResponse(content.chunks(), media_type=kind, headers=headers)

    def _delete(self, address: Address) -> Response:
        place = artifacts.place(self._context, address)
        names = [name[len(place.prefix) :].strip("/") for name in self._context.blobs.files(place)]
        self._context.blobs.delete(place, names)
        return JSONResponse({})


def _address(path: str) -> Address:
    origin, _, rest = artifacts.clean(path).partition("/")
    container, _, below = rest.partition("/")
    if not container:
        raise ServiceError(400, "INVALID_PARAMETER_VALUE", f"'{path}' is not the path of an artifact")
    return Address(origin, container, below)


def _missing(address: Address) -> ServiceError:
    return ServiceError(404, "RESOURCE_DOES_NOT_EXIST", f"No such artifact: '{address}'")


async def _parts(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The stream in blocks of a size that storage takes; none at all for an empty one."""
    pending = bytearray()
    async for chunk in stream:
        pending += chunk
        while len(pending) >= _BLOCK_BYTES:
            yield bytes(pending[:_BLOCK_BYTES])
            del pending[:_BLOCK_BYTES]
    if pending:
        yield bytes(pending)
