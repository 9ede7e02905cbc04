"""Code: folders that the SDK uploads once and then finds again by the hash of their content."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import arm, assets, paging
from ..context import Context
from ..errors import bad_request, conflict
from ..routing import Operation
from ..shapes import text
from . import json_object, uploads, version_routes
from .version_routes import Draft

KIND = "codes"


def prepare(draft: Draft) -> dict[str, Any]:
    """Check a draft of a code version. Raises ServiceError (400, 409)."""
    if not (uri := text(draft.properties.get("codeUri"), "properties.codeUri")):
        raise bad_request(f"code {draft} has no codeUri", "ValidationError")
    if draft.known and draft.known["properties"]["codeUri"] != uri:
        raise conflict(f"Asset paths cannot be updated. code {draft} exists and is immutable", "UserError")
    return draft.properties


def routes(context: Context) -> list[Route]:
    """The routes of versions, an upload to begin with, and the look-up by hash."""
    base = f"{arm.WORKSPACE}/{KIND}/{{name}}/versions"

    async def list_versions(request: Request) -> Response:
        return await run_in_threadpool(_list_versions, context, request)

    async def start_pending_upload(request: Request) -> Response:
        version_routes.check_name(KIND, request.path_params["name"], request.path_params["version"])
        await json_object(request)
        return JSONResponse(await run_in_threadpool(uploads.begin, context, "code"))

    start = "CodeVersions_CreateOrGetStartPendingUpload"
    return [
        Operation(base, list_versions, "CodeVersions_List"),
        Operation(base + "/{version}/startPendingUpload", start_pending_upload, start, methods=["POST"]),
        *version_routes.routes(context, KIND, prepare),
    ]


def _list_versions(context: Context, request: Request) -> Response:
    digest = request.query_params.get("hash")
    if digest is None:
        return paging.paged(request, assets.versions(context, KIND, request.path_params["name"]))
    # The SDK looks under a new random name each time: the hash alone decides.
    for code in context.store.list(KIND, f"{context.workspace_id}/{KIND}/")[::-1]:
        if code["properties"]["properties"].get("hash_sha256") == digest:
            return paging.paged(request, [code])
    return paging.paged(request, [])
