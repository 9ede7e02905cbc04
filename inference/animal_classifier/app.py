"""The HTTP interface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from .errors import ApiError, ErrorBody, answer_errors
from .metrics import Metrics, RequestMetrics
from .model import Classifier, Prediction
from .preprocessing import CorruptImageError, TooManyPixelsError, UnsupportedFormatError, prepare
from .settings import Settings
from .uploads import FIELD, receive_image
from .worker import Worker

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


class Service:
    """What the routes of one app work with."""

    def __init__(self, settings: Settings, classifier: Classifier) -> None:
        self.settings = settings
        self.classifier = classifier
        self.metrics = Metrics()
        self.worker = Worker()
        self.version = VersionBody(
            commit=settings.git_commit,
            job=settings.azureml_job,
            model_name=settings.model_name,
            model_version=settings.model_version,
        )
        self.metrics.version.info(self.version.model_dump())
        self._in_flight = 0

    async def predict(self, request: Request) -> Prediction:
        """Receive a photo and classify it, unless there are too many at once."""
        if self._in_flight >= self.settings.max_requests:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "overloaded",
                "too many requests at once; try again soon",
                {"Retry-After": "1"},
            )
        self._in_flight += 1
        try:
            with self.metrics.in_flight.track_inprogress():
                photo = await receive_image(
                    request, max_bytes=self.settings.max_bytes, seconds=self.settings.upload_timeout
                )
                prediction = await self.worker.run(lambda: self._classify(photo))
        finally:
            self._in_flight -= 1
        self.metrics.predictions.labels(prediction.label).inc()
        return prediction

    def _classify(self, photo: BinaryIO) -> Prediction:
        """Decode and classify; runs on the worker's thread."""
        with self.metrics.seconds.time():
            try:
                image = prepare(
                    photo,
                    width=self.classifier.width,
                    height=self.classifier.height,
                    max_pixels=self.settings.max_pixels,
                )
            except TooManyPixelsError as error:
                raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_many_pixels", str(error)) from error
            except UnsupportedFormatError as error:
                raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_format", str(error)) from error
            except CorruptImageError as error:
                raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "corrupt_image", str(error)) from error
            return self.classifier.predict(image)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceOfApp = Annotated[Service, Depends(_service)]
routes = APIRouter()


@routes.post("/predict", openapi_extra=_BODY, responses=_ERRORS)
async def predict(request: Request, service: ServiceOfApp) -> PredictionBody:
    """Classify a photo: the field `file` of a multipart form, or the plain body."""
    prediction = await service.predict(request)
    return PredictionBody(
        label=prediction.label, probability=prediction.probability, probabilities=prediction.probabilities
    )


@routes.get("/healthz")
async def healthz() -> StatusBody:
    """Tell that the process answers."""
    return StatusBody(status="ok")


@routes.get("/readyz", responses={503: {"model": ErrorBody, "description": "Not able to classify"}})
async def readyz(service: ServiceOfApp) -> StatusBody:
    """Tell whether photos can be classified."""
    if (seconds := service.worker.busy_for) > service.settings.stuck_after:
        raise ApiError(
            HTTPStatus.SERVICE_UNAVAILABLE, "stuck", f"one prediction has taken {seconds:.0f} seconds so far"
        )
    return StatusBody(status="ready")


@routes.get("/version")
async def version(service: ServiceOfApp) -> VersionBody:
    """Tell where code and model come from."""
    return service.version


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


def create_app(settings: Settings, classifier: Classifier) -> FastAPI:
    """The app that serves that model."""
    service = Service(settings, classifier)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.worker.close()

    app: FastAPI = FastAPIOffline(title="Animal classifier", version=settings.model_version, lifespan=lifespan)
    app.state.service = service
    app.include_router(routes)
    app.mount("/page", StaticFiles(directory=PAGE))
    app.add_middleware(RequestMetrics, metrics=service.metrics)
    answer_errors(app, service.metrics)
    return app
