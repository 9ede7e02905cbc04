"""Serves the page on a loopback port of its own, in the emulator's process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from ..context import Context
from .app import create_app


class _Uvicorn(uvicorn.Server):
    """Signals are the business of the emulator's own server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server:
    """The page's HTTP server."""

    def __init__(self, context: Context) -> None:
        self._port = context.settings.ports.page
        config = uvicorn.Config(
            create_app(context), log_level="warning", lifespan="off", server_header=False, timeout_graceful_shutdown=1
        )
        self._server = _Uvicorn(config)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to serve, in the running event loop. Raises OSError if the port is taken."""
        listening = socket.create_server(("127.0.0.1", self._port))
        self._serving = asyncio.create_task(self._server.serve([listening]))

    async def stop(self) -> None:
        """End the server, and what it still answers, within a second or so."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
