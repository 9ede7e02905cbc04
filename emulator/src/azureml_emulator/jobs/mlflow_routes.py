"""MLflow under the workspace's tracking URI: requests go on to the real server, nearly as they are.

A run's id is its job's name in Azure, but MLflow makes ids up itself. For the nodes of a pipeline the job's name *is*
MLflow's id. For jobs that were given a name, the two are exchanged on the way, in both directions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import arm
from ..errors import ServiceError, unknown_route
from .runs import KIND
from .services import Services

_REST = ("/api/", "/version", "/health")
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "content-encoding"}
)
_NOT_SENT_ON = _HOP_BY_HOP | {"host", "authorization", "origin", "accept-encoding"}
_RUN_KEYS = frozenset({"run_id", "run_uuid", "run_ids", "source_run_id"})
_RUN_TAGS = frozenset({"mlflow.parentRunId", "mlflow.rootRunId"})

Exchange = Callable[[str], str]


def exchange_run_ids(value: Any, exchange: Exchange) -> Any:
    """The JSON value with every run id in it exchanged; what only looks like one is left alone."""
    if isinstance(value, list):
        return [exchange_run_ids(one, exchange) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {key: exchange_run_ids(one, exchange) for key, one in value.items()}
    for key in _RUN_KEYS & changed.keys():
        changed[key] = _each(changed[key], exchange)
    if changed.get("key") in _RUN_TAGS and isinstance(changed.get("value"), str):
        changed["value"] = exchange(changed["value"])
    return changed


def _each(value: Any, exchange: Exchange) -> Any:
    if isinstance(value, str):
        return exchange(value)
    return [_each(one, exchange) for one in value] if isinstance(value, list) else value


class _Forwarder:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._client = httpx.AsyncClient(base_url=services.tracking.url, timeout=120, trust_env=False)

    def _to_mlflow(self, name: str) -> str:
        run = self._services.runs.get(name)
        return str(run["mlflow"]) if run and run["mlflow"] else name

    def _from_mlflow(self) -> Exchange:
        names = {run["mlflow"]: run["name"] for run in self._services.context.store.list(KIND) if run["parent"] is None}
        return lambda mlflow: str(names.get(mlflow, mlflow))

    async def __call__(self, request: Request) -> Response:
        if not request.path_params["rest"].startswith(_REST):
            return await unknown_route(request)
        await run_in_threadpool(self._services.tracking.wait)
        is_json = "mlflow-artifacts" not in request.url.path
        query: list[tuple[str, str | int | float | bool | None]] = [
            (k, self._to_mlflow(v) if k in _RUN_KEYS else v) for k, v in request.query_params.multi_items()
        ]
        body = await request.body()
        if is_json and body:
            body = self._exchanged(body, self._to_mlflow)
        try:
            answer = await self._client.request(
                request.method,
                request.path_params["rest"],
                params=query,
                content=body,
                headers=[(k, v) for k, v in request.headers.items() if k.lower() not in _NOT_SENT_ON],
            )
        except httpx.TransportError as error:
            raise ServiceError(503, "ServiceUnavailable", f"the MLflow server does not answer: {error!r}") from error
        content = answer.content
        if is_json and answer.headers.get("content-type", "").startswith("application/json"):
            content = self._exchanged(content, self._from_mlflow())
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        return Response(content, answer.status_code, headers=kept)

    @staticmethod
    def _exchanged(body: bytes, exchange: Exchange) -> bytes:
        try:
            document = json.loads(body)
        except ValueError:
            return body  # For MLflow to complain about.
        return json.dumps(exchange_run_ids(document, exchange)).encode()


def routes(services: Services) -> list[Route]:
    """`{api}/mlflow/v1.0` and `v2.0`, below them the workspace's path, below that MLflow's own REST paths."""
    forward = _Forwarder(services)
    return [
        Route(f"/mlflow/{version}{arm.WORKSPACE}{{rest:path}}", forward.__call__, methods=_METHODS)
        for version in ("v1.0", "v2.0")
    ]
