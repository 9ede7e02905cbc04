"""A path that must be fast: ASGI with nothing in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from .errors import ApiError
from .metrics import Metrics


@dataclass(frozen=True)
class Answer:
    """What a request is answered."""

    content: bytes
    content_type: str = "application/json"
    status: int = HTTPStatus.OK
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, send: Send) -> None:
        """Send it."""
        headers = [
            (b"content-type", self.content_type.encode("latin-1")),
            (b"content-length", b"%d" % len(self.content)),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()),
        ]
        await send({"type": "http.response.start", "status": int(self.status), "headers": headers})
        await send({"type": "http.response.body", "body": self.content})


class Endpoint:
    """Answers what a function returns, or the `ApiError` that it raises, and notes the time it took."""

    def __init__(self, metrics: Metrics, path: str, run: Callable[[Request], Awaitable[Answer]]) -> None:
        self._metrics = metrics
        self._path = path
        self._run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        started = time.perf_counter()
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR
        try:
            try:
                answer = await self._answer(Request(scope, receive))
            except ApiError as error:
                self._metrics.errors.labels(error.code).inc()
                answer = Answer(error.body(), status=error.status, headers=error.headers)
            status = answer.status
            await answer.send(send)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.requests.labels(scope["method"], self._path, str(int(status))).observe(seconds)

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self._run(request)
        except asyncio.CancelledError as error:  # by the server, when its time to end is over
            message = "the service ended before the request was answered"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "ended", message).closing() from error
