"""Requests for runs, experiments and metrics go on to the real MLflow server, with names and places as in Azure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...errors import ServiceError
from ..files import artifacts
from ..services import Services
from .logged_models import LoggedModels
from .logged_runs import LoggedRuns
from .run_names import exchange_in_filter, exchange_run_ids, is_run_key

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "content-encoding"}
)
_NOT_SENT_ON = _HOP_BY_HOP | {"host", "authorization", "origin", "accept-encoding"}
_BATCH = "runs/log-batch"
_BATCH_IN_AZURE = {"runs/log-batch-async": _BATCH}
_LARGEST = 32 << 20


class Forwarder:
    """Sends requests on to the MLflow server, and changes on the way what Azure has otherwise."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._names = services.runs.names
        self._logged_runs = LoggedRuns(services)
        self._logged_models = LoggedModels(services)
        self._client = httpx.AsyncClient(base_url=services.tracking.url, timeout=120, trust_env=False)

    async def answer(self, request: Request, path: str, operation: str, *, azureml: bool) -> Response:
        """The answer to a request for `path`; `operation` is its end, as in `runs/get`. Raises ServiceError."""
        if operation == "runs/get-run-data-status":
            return JSONResponse({"is_complete": True})
        if plain := _BATCH_IN_AZURE.get(operation):
            # azureml-mlflow's own operation: all is written when it is answered, so there is nothing to wait for.
            answer = await self._forward(request, f"/api/2.0/mlflow/{plain}", plain, azureml=azureml)
            return JSONResponse({"batch_tracking_id": ""}) if answer.status_code < httpx.codes.BAD_REQUEST else answer
        return await self._forward(request, path, operation, azureml=azureml)

    async def _forward(self, request: Request, path: str, operation: str, *, azureml: bool) -> Response:
        await run_in_threadpool(self._services.tracking.wait)
        content = await _read(request)
        body = _document(content)
        given = {key: value for key, value in request.headers.items() if key.lower() not in _NOT_SENT_ON}
        try:
            answer = await self._client.request(
                request.method,
                path,
                params=self._query(request),
                content=content if body is None else json.dumps(self._to_mlflow(body)).encode(),
                headers=given,
            )
        except httpx.TransportError as error:
            raise ServiceError(503, "TEMPORARILY_UNAVAILABLE", f"MLflow does not answer: {error!r}") from error
        told = _document(answer.content) if "json" in answer.headers.get("content-type", "") else None
        if told is None and answer.is_server_error:
            # MLflow's page for what its own checks did not catch, which is a value of a type that cannot be.
            message = f"MLflow cannot take this {operation}: see its server.log"
            raise ServiceError(400, "INVALID_PARAMETER_VALUE", message)
        if told is None:
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
            return Response(answer.content, answer.status_code, headers=kept)
        told = exchange_run_ids(told, self._names.from_mlflow)
        if answer.is_success:
            await run_in_threadpool(self._follow, operation, body or {}, told)
            told = self._placed(told, azureml=azureml)
        # As MLflow wrote it: a metric may be no number.
        return Response(json.dumps(told), answer.status_code, media_type="application/json")

    def _query(self, request: Request) -> list[tuple[str, str | int | float | bool | None]]:
        return [
            (key, self._names.to_mlflow(value) if is_run_key(key) else value)
            for key, value in request.query_params.multi_items()
        ]

    def _to_mlflow(self, body: dict[str, Any]) -> dict[str, Any]:
        try:
            changed: dict[str, Any] = exchange_run_ids(body, self._names.to_mlflow)
        except RecursionError as error:
            raise ServiceError(400, "MALFORMED_REQUEST", "the request body is nested too deeply") from error
        if isinstance(changed.get("filter"), str):
            changed["filter"] = exchange_in_filter(changed["filter"], self._names.to_mlflow)
        return changed

    def _follow(self, operation: str, body: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        self._logged_runs.follow(operation, body, told)
        self._logged_models.follow(operation, told)

    def _placed(self, told: Any, *, azureml: bool) -> Any:
        """The answer with the places of artifacts in it as they are here: MLflow itself keeps none."""
        if isinstance(told, list):
            return [self._placed(one, azureml=azureml) for one in told]
        if not isinstance(told, dict):
            return told
        changed = {key: self._placed(value, azureml=azureml) for key, value in told.items()}
        if "artifact_uri" in changed:
            if model := changed.get("model_id"):
                address = self._logged_models.address(str(model), str(changed.get("source_run_id") or ""))
                changed["artifact_uri"] = artifacts.client_uri(address, azureml=azureml)
            elif run := changed.get("run_id"):
                experiment = str(changed.get("experiment_id"))
                changed["artifact_uri"] = artifacts.run_uri(
                    self._services.context, str(run), experiment, azureml=azureml
                )
        return changed


async def _read(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _LARGEST:
            raise ServiceError(413, "INVALID_PARAMETER_VALUE", f"a request may hold {_LARGEST >> 20} MB at most")
    return bytes(content)


def _document(content: bytes) -> dict[str, Any] | None:
    """The JSON object, or None for anything else, which is left to MLflow."""
    try:
        document = json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
