"""The paths of the protocol, as FastAPI knows them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from ..service import Service
from .inference import Inference

SERVER = "animal-classifier"
MODEL = "/v2/models/{model}"
VERSION = MODEL + "/versions/{version}"


def _inference(request: Request) -> Inference:
    """What the app offers of the model that the path names."""
    inference: Inference = request.app.state.inference
    if "model" in request.path_params:
        inference.find(request.path_params["model"], request.path_params.get("version"))
    return inference


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


InferenceOfPath = Annotated[Inference, Depends(_inference)]
ServiceOfApp = Annotated[Service, Depends(_service)]
routes = APIRouter(tags=["Open Inference Protocol"])


@routes.get("/v2")
async def server_metadata(service: ServiceOfApp) -> dict[str, Any]:
    """Tell what server this is, and what it can do beyond the protocol."""
    version = service.settings.git_commit
    return {"name": SERVER, "version": version, "extensions": ["binary_tensor_data"]}


@routes.get("/v2/health/live")
async def live() -> dict[str, bool]:
    """Tell that the process answers."""
    return {"live": True}


@routes.get("/v2/health/ready")
async def ready(service: ServiceOfApp) -> dict[str, bool]:
    """Tell whether photos can be classified."""
    service.ensure_ready()
    return {"ready": True}


@routes.get(VERSION)
@routes.get(MODEL)
async def metadata(inference: InferenceOfPath) -> dict[str, Any]:
    """Tell what the model takes and answers. It takes one of its inputs, photos as files or prepared images."""
    return inference.metadata()


@routes.get(VERSION + "/ready")
@routes.get(MODEL + "/ready")
async def model_ready(inference: InferenceOfPath, service: ServiceOfApp) -> dict[str, Any]:
    """Tell whether the model can be asked."""
    service.ensure_ready()
    return {"name": inference.model, "ready": True}


@routes.post(VERSION + "/infer")
@routes.post(MODEL + "/infer")
async def infer(inference: InferenceOfPath, request: Request) -> Response:
    """Classify photos or prepared images."""
    answer = await inference.infer(request)
    return Response(answer.content, answer.status, answer.headers, answer.content_type)
