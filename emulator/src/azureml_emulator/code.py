"""Code: folders that the SDK uploads once and then finds again by the hash of their content."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import arm, assets
from .assets import json_object
from .context import Context
from .errors import bad_request, conflict

KIND = "codes"


def pending_upload(context: Context, kind: str) -> dict[str, Any]:
    """A new container of its own, and a SAS to fill it with."""
    name = f"{kind}-{uuid.uuid4()}"
    context.blobs.container(name)
    url = f"{context.settings.blob_url}/{name}"
    workspace = context.store.get("workspaces", context.workspace_id) or {}
    return {
        "pendingUploadId": str(uuid.uuid4()),
        "pendingUploadType": "TemporaryBlobReference",
        "blobReferenceForConsumption": {
            "blobUri": url,
            "storageAccountArmId": workspace["properties"]["storageAccount"],
            "credential": {"credentialType": "SAS", "sasUri": f"{url}?{context.blobs.container_sas(name)}"},
        },
    }


def routes(context: Context) -> list[Route]:
    """The routes of versions, an upload to begin with, and the look-up by hash."""
    base = f"{arm.WORKSPACE}/{KIND}/{{name}}/versions"

    def prepare(name: str, version: str, properties: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
        if not properties.get("codeUri"):
            raise bad_request(f"code {name}:{version} has no codeUri", "ValidationError")
        if known and known["properties"]["codeUri"] != properties["codeUri"]:
            raise conflict(f"code {name}:{version} exists and is immutable")
        return properties

    async def list_by_hash(request: Request) -> Response:
        # The SDK looks under a new random name each time: the hash alone decides.
        digest = request.query_params.get("hash")
        everything = context.store.list(KIND, f"{context.workspace_id}/{KIND}/")[::-1]
        if digest is None:
            return JSONResponse({"value": assets.versions(context, KIND, request.path_params["name"])})
        hits = [c for c in everything if (c["properties"].get("properties") or {}).get("hash_sha256") == digest]
        return JSONResponse({"value": hits[:1]})

    async def start_pending_upload(request: Request) -> Response:
        await json_object(request)
        return JSONResponse(await run_in_threadpool(pending_upload, context, "code"))

    return [
        Route(base, list_by_hash),
        Route(base + "/{version}/startPendingUpload", start_pending_upload, methods=["POST"]),
        *assets.routes(context, KIND, prepare),
    ]
