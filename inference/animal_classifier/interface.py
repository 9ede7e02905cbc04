"""The HTTP interface as FastAPI knows it: described for people and programs, and all that need not be fast."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import ApiError
from .metrics import RequestMetrics
from .open_inference import routes as open_inference
from .open_inference.inference import Inference
from .open_inference.inference import error_body as open_inference_error
from .service import Service
from .uploads import FIELD

PAGE = Path(__file__).parent / "page"

_FILE = {"type": "string", "format": "binary"}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": [FIELD], "properties": {FIELD: _FILE}},
            },
            **{f"image/{name}": {"schema": _FILE} for name in ("jpeg", "png", "webp", "gif")},
        },
    }
}


class ErrorDetail(BaseModel):
    """What went wrong: a code for programs, which stays the same, and a message for people."""

    code: str
    message: str


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class PredictionBody(BaseModel):
    """The most likely label, and the probability of each."""

    label: str
    probability: float
    probabilities: dict[str, float]


class VersionBody(BaseModel):
    """Where code and model come from."""

    commit: str
    job: str
    model_name: str
    model_version: str


class StatusBody(BaseModel):
    """How the service is."""

    status: str


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": description}
    for status, description in {
        408: "The upload took too long",
        413: "Too many bytes or too many pixels",
        415: "Not an image of a supported format",
        422: "No image, or one that can't be decoded",
        503: "Too many requests at once",
    }.items()
}


class Handover(Response):
    """Lets a path that FastAPI only describes be answered by its own endpoint."""

    def __init__(self, endpoint: ASGIApp) -> None:
        super().__init__()
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        await self._endpoint(scope, receive, send)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _endpoint(request: Request) -> Handover:
    return Handover(request.app.state.endpoints[request.method, request.scope["route"].path])


ServiceOfApp = Annotated[Service, Depends(_service)]
EndpointOfApp = Annotated[Handover, Depends(_endpoint)]
routes = APIRouter()


@routes.post("/predict", openapi_extra=_BODY, response_model=PredictionBody, responses=_ERRORS)
async def predict(endpoint: EndpointOfApp) -> Response:
    """Classify a photo: the field `file` of a multipart form, or the plain body."""
    return endpoint


@routes.get("/healthz", response_model=StatusBody)
async def healthz(endpoint: EndpointOfApp) -> Response:
    """Tell that the process answers."""
    return endpoint


@routes.get(
    "/readyz",
    response_model=StatusBody,
    responses={503: {"model": ErrorBody, "description": "Not able to classify"}},
)
async def readyz(endpoint: EndpointOfApp) -> Response:
    """Tell whether photos can be classified."""
    return endpoint


@routes.get("/version")
async def version(service: ServiceOfApp) -> VersionBody:
    """Tell where code and model come from."""
    return VersionBody(**service.version())


@routes.get("/metrics", include_in_schema=False)
async def metrics(service: ServiceOfApp) -> Response:
    """The metrics in Prometheus' text format."""
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@routes.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """The page to drop a photo on."""
    return FileResponse(
        PAGE / "index.html",
        headers={"Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'"},
    )


def create_interface(service: Service, endpoints: Mapping[tuple[str, str], ASGIApp]) -> FastAPI:
    """The app that describes these endpoints, by method and path, and answers what else there is."""
    # A redirect to the path without its slash would lead to whatever host the request names.
    app: FastAPI = FastAPIOffline(
        title="Animal classifier", version=service.settings.model_version, redirect_slashes=False
    )
    app.state.service = service
    app.state.endpoints = endpoints
    app.state.inference = Inference(service)
    app.include_router(routes)
    app.include_router(open_inference.routes)
    app.mount("/page", StaticFiles(directory=PAGE))
    app.add_middleware(RequestMetrics, metrics=service.metrics)

    @app.exception_handler(ApiError)
    async def answer_api_error(request: Request, error: ApiError) -> Response:
        service.metrics.errors.labels(error.code).inc()
        return _answer(request, error)

    @app.exception_handler(HTTPException)
    async def answer_http_exception(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        message = f"{request.method} {request.url.path}: {error.detail}"
        return _answer(request, ApiError(status, status.name.lower(), message, dict(error.headers or {})))

    return app


def _answer(request: Request, error: ApiError) -> Response:
    """The answer that is an error, as the protocol of the path has it."""
    body = open_inference_error(error) if request.url.path.startswith("/v2") else error.body()
    return Response(body, error.status, error.headers, "application/json")
