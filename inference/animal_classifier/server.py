"""The HTTP server: uvicorn, with an end at which nobody is cut off."""

from __future__ import annotations

import asyncio
import socket

import uvicorn

from .app import App
from .settings import Settings

_LAST_CALL = 0.25
"""Seconds in which requests that were on their way when the service was told to end are still taken."""
_IDLE = 75
"""Seconds after which a connection without requests is closed; proxies use theirs for a minute and need to be first."""


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
                http="httptools",
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
