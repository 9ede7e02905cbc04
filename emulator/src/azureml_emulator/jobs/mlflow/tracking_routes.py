"""MLflow under the workspace's tracking URI: models and artifacts are the workspace's, the rest is MLflow's own.

https://learn.microsoft.com/azure/machine-learning/concept-mlflow
"""

from __future__ import annotations

import json
import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ... import arm
from ...errors import ServiceError, unknown_route
from ..files.artifacts import of_run
from ..services import Services
from . import artifact_server
from .artifact_server import ArtifactServer
from .forwarding import Forwarder
from .registry import Registry

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_PLUGIN = "azureml-mlflow/"
_OPERATION = re.compile(r"/api/(?P<version>[23]\.0)/(?:preview/)?mlflow/(?P<operation>.+)")
_CODES = {
    400: "INVALID_PARAMETER_VALUE",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    501: "NOT_IMPLEMENTED",
}
_REGISTRY = ("registered-models/", "model-versions/")
_NOT_IN_AZURE = ("logged-models", "runs/outputs", "traces", "scorers", "prompts", "webhooks")
"""What MLflow 3 asks for and Azure's tracking server does not have: it answers 404 without a body.

https://github.com/Azure/azure-sdk-for-python/issues/44896
"""


class _Tracking:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._forwarder = Forwarder(services)
        self._registry = Registry(services)
        self._artifacts = ArtifactServer(services.context)

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except ServiceError as error:
            # MLflow's clients know MLflow's own codes alone.
            code = error.code if error.code.isupper() else _CODES.get(error.status, "INTERNAL_ERROR")
            return JSONResponse({"error_code": code, "message": error.message}, status_code=error.status)

    async def _answer(self, request: Request) -> Response:
        path, azureml = request.path_params["rest"], _PLUGIN in request.headers.get("user-agent", "")
        if path.startswith(artifact_server.PREFIX):
            return await self._artifacts.answer(request, path)
        if path in {"/version", "/health"}:
            return await self._forwarder.answer(request, path, path, azureml=azureml)
        match = _OPERATION.fullmatch(path)
        if match is None:
            return await unknown_route(request)
        if azureml and (match["version"] != "2.0" or match["operation"].startswith(_NOT_IN_AZURE)):
            return Response(status_code=404)
        return await self._operation(request, path, match["operation"], azureml=azureml)

    async def _operation(self, request: Request, path: str, operation: str, *, azureml: bool) -> Response:
        if operation.startswith(_REGISTRY):
            return await self._of_registry(request, operation, azureml=azureml)
        if operation == "artifacts/list":
            return await run_in_threadpool(self._list_artifacts, request)
        return await self._forwarder.answer(request, path, operation, azureml=azureml)

    async def _of_registry(self, request: Request, operation: str, *, azureml: bool) -> Response:
        body: dict[str, object] = dict(request.query_params)
        if content := await request.body():
            body |= _object(content)
        answer = self._registry.answer
        told = await run_in_threadpool(answer, request.method, operation, body, azureml=azureml)
        return JSONResponse(told)

    def _list_artifacts(self, request: Request) -> Response:
        run, below = request.query_params.get("run_id", ""), request.query_params.get("path", "")
        if self._services.runs.get(run) is None:
            raise ServiceError(404, "RESOURCE_DOES_NOT_EXIST", f"Run with id={run} not found")
        address = of_run(run, below)
        files = artifact_server.listed(self._services.context, address)
        shown = [{**one, "path": "/".join(part for part in (address.path, one["path"]) if part)} for one in files]
        return JSONResponse({"root_uri": f"mlflow-artifacts:/{of_run(run)}", "files": shown})


def _object(content: bytes) -> dict[str, object]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ServiceError(400, "MALFORMED_REQUEST", f"the request body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ServiceError(400, "MALFORMED_REQUEST", "the request body is not a JSON object")
    return document


def routes(services: Services) -> list[Route]:
    """`{api}/mlflow/v1.0` and `v2.0`, below them the workspace's path, below that MLflow's own REST paths."""
    tracking = _Tracking(services)
    return [
        Route(f"/mlflow/{version}{arm.WORKSPACE}{{rest:path}}", tracking.__call__, methods=_METHODS)
        for version in ("v1.0", "v2.0")
    ]
