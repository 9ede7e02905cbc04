"""Breaks connections as a failing network does: with a TCP reset, and without a word of TLS or HTTP."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import uvicorn

_LINGER_NOT = struct.pack("ii", 1, 0)


def reset(transport: asyncio.BaseTransport) -> None:
    """Close a connection so that its other end gets ECONNRESET."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


class Connections:
    """The open connections of the web server, found by the client's address."""

    def __init__(self) -> None:
        self._server: uvicorn.Server | None = None

    def of(self, server: uvicorn.Server) -> None:
        """Say which server's connections are meant."""
        self._server = server

    def reset(self, client: Any) -> None:
        """Reset the connection of the client with this address (host and port), if it is open."""
        if self._server is None or client is None:
            return
        for protocol in list(self._server.server_state.connections):
            transport = getattr(protocol, "transport", None)
            if transport is not None and tuple(transport.get_extra_info("peername") or ())[:2] == tuple(client):
                reset(transport)
