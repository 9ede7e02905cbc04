"""The HTTP server: uvicorn, with an end at which nobody is cut off."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .admission import overloaded
from .app import App
from .settings import Settings

_LAST_CALL = 0.25
"""Seconds in which requests that were on their way when the service was told to end are still taken."""
_PLAIN = 16 * 2**20
"""Bytes of a body that may be dropped without an end of the connection."""
_IDLE = 75
"""Seconds after which a connection without requests is closed; proxies use theirs for a minute and need to be first."""


class _Protocol(HttpToolsProtocol):
    """Refuses an upload for which there is no room by its head alone, and drops its body as it comes.

    The app would do so too, but only in its turn: by then the bodies of all that came meanwhile would be held.
    """

    _drops_body = False

    def on_headers_complete(self) -> None:
        """Take the head of a request."""
        self._drops_body = self._can_be_refused() and not self._app().service.admission.has_room(self._told_length())
        if self._drops_body:
            self.transport.write(self._refusal())
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of its body."""
        if not self._drops_body:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Take its end."""
        if self._drops_body:
            handler = self.timeout_keep_alive_handler
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, handler)
        else:
            super().on_message_complete()

    def _can_be_refused(self) -> bool:
        """Whether it has a body of a plain size, which is on its way, and the connection is idle and goes on."""
        return (
            0 < self._told_length() <= _PLAIN
            and not self.expect_100_continue
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused  # by a client that does not read its answers
            and not self._app().ending
            and bool(self.parser.should_keep_alive())
        )

    def _refusal(self) -> bytes:
        """The answer, as the app would give it."""
        error = overloaded()
        self._app().service.metrics.errors.labels(error.code).inc()
        body = error.body()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **error.headers}
        lines = [f"{name.lower()}: {value}".encode() for name, value in headers.items()]
        lines += [name + b": " + value for name, value in self.server_state.default_headers]
        return b"\r\n".join([b"HTTP/1.1 503 Service Unavailable", *lines, b"", body])

    def _told_length(self) -> int:
        return next((int(value) for name, value in self.headers if name == b"content-length"), 0)

    def _app(self) -> App:
        app: App = self.config.app  # type: ignore[assignment]
        return app


class Server(uvicorn.Server):
    """Once told to end, it takes no new connections, answers what comes on the old ones, and closes each after it."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                loop="uvloop",
                http=_Protocol,
                ws="none",
                lifespan="on",
                access_log=False,  # the probes would fill it; /metrics counts requests
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_IDLE,
                timeout_graceful_shutdown=settings.shutdown_timeout,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, once every request has its answer."""
        self._app.ending = True
        for server in self.servers:
            server.close()
        last_call = asyncio.get_running_loop().time() + _LAST_CALL
        # uvicorn does not tell of connections that end.
        while self.server_state.connections and asyncio.get_running_loop().time() < last_call:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)
