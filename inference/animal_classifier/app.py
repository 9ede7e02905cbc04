"""The ASGI app: a few paths that must be fast, and FastAPI for all others, among them those for people."""

from __future__ import annotations

import asyncio
import json

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .endpoint import Answer, Endpoint
from .model import Classifier
from .service import Service
from .settings import Settings


class App:
    """Answers photos and probes itself. FastAPI takes most of a second to load, which is done meanwhile."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.ending = False
        """Whether each answer ends its connection, since the service is about to end."""
        paths = (
            ("POST", "/predict", self._predict),
            ("GET", "/healthz", self._healthz),
            ("GET", "/readyz", self._readyz),
        )
        self.endpoints: dict[tuple[str, str], ASGIApp] = {
            (method, path): Endpoint(service.metrics, path, run) for method, path, run in paths
        }
        self._others: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if self.ending:
            send = _last(send)
        endpoint = self.endpoints.get((scope.get("method", ""), scope["path"]))
        await (endpoint or await self._loaded_others())(scope, receive, send)

    async def _predict(self, request: Request) -> Answer:
        prediction = await self.service.predict(request)
        body = {
            "label": prediction.label,
            "probability": prediction.probability,
            "probabilities": prediction.probabilities,
        }
        return Answer(json.dumps(body).encode())

    async def _healthz(self, _: Request) -> Answer:
        return Answer(b'{"status":"ok"}')

    async def _readyz(self, _: Request) -> Answer:
        self.service.ensure_ready()
        return Answer(b'{"status":"ready"}')

    async def _live(self, receive: Receive, send: Send) -> None:
        """Begin and end with the server."""
        await receive()
        loading = asyncio.ensure_future(self._loaded_others())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await loading
        await asyncio.to_thread(self.service.pool.close)
        await send({"type": "lifespan.shutdown.complete"})

    def _loaded_others(self) -> asyncio.Future[ASGIApp]:
        """The app for all other paths."""
        if self._others is None:
            self._others = asyncio.get_running_loop().run_in_executor(None, self._load_others)
        return self._others

    def _load_others(self) -> ASGIApp:
        from .interface import create_interface  # noqa: PLC0415 - what the start must not wait for

        return create_interface(self.service, self.endpoints)


def _last(send: Send) -> Send:
    """Ends the connection with the answer."""

    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return send_last


def create_app(settings: Settings, classifier: Classifier) -> App:
    """The app that serves that model."""
    return App(Service(settings, classifier))
