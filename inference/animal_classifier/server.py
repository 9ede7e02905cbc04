"""The HTTP server: uvicorn, with an end at which nobody is cut off."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .app import App
from .settings import Settings
from .uploads import TURNED_AWAY

_LAST_CALL = 0.25
"""Seconds in which requests that were on their way when the service was told to end are still taken."""
_PLAIN = 16 * 2**20
"""Bytes of a body that may be dropped without an end of the connection."""
_IDLE = 75
"""Seconds after which a connection without requests is closed; proxies use theirs for a minute and need to be first."""


class _Protocol(HttpToolsProtocol):
    """Drops the body of a request for which there is no room as it comes, byte for byte; the app tells so at once."""

    _drops_body = False

    def on_headers_complete(self) -> None:
        """Take the head of a request."""
        super().on_headers_complete()
        self._drops_body = self._is_upload() and not self._app().service.admission.has_room(self._told_length())
        self.scope["state"][TURNED_AWAY] = self._drops_body

    def on_body(self, body: bytes) -> None:
        """Take a part of its body."""
        if not self._drops_body:
            super().on_body(body)

    def _is_upload(self) -> bool:
        """Whether it has a body of a plain size, which is on its way, and is not behind another request."""
        return 0 < self._told_length() <= _PLAIN and not self.expect_100_continue and not self.pipeline

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
