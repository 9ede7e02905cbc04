"""The CONNECT proxy that leads Azure's host names here and lets every other host through."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import logging
import socket

from .settings import ARM_HOST, BLOB_SUFFIX, GITHUB_OIDC_HOST, LOGIN_HOST, Ports

log = logging.getLogger(__name__)

_REQUEST_LIMIT_SECONDS = 10
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def destinations(ports: Ports) -> dict[str, int]:
    """Host name patterns and the loopback ports that answer for them."""
    api = (ARM_HOST, LOGIN_HOST, GITHUB_OIDC_HOST, "*.azureml.ms")
    return {**dict.fromkeys(api, ports.api), f"*.{BLOB_SUFFIX}": ports.blob}


class Proxy:
    """Raw tunnels: TLS ends at the servers, never here."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._destinations = destinations(ports)

    async def serve(self) -> asyncio.Server:
        """Listen on loopback."""
        return await asyncio.start_server(self._handle, "127.0.0.1", self._ports.proxy)

    def _destination(self, host: str, port: int) -> tuple[str, int]:
        for pattern, local in self._destinations.items():
            if fnmatch.fnmatch(host.lower(), pattern):
                return "127.0.0.1", local
        return host, port

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._tunnel(reader, writer)
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.info("tunnel closed: %r", error)
        finally:
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _REQUEST_LIMIT_SECONDS)
        method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ", 2)
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        host, _, port = target.rpartition(":")
        try:
            to_reader, to_writer = await asyncio.open_connection(*self._destination(host, int(port)))
        except OSError as error:
            log.info("no connection to %s: %s", target, error)
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        writer.write(_ESTABLISHED)
        await writer.drain()
        await asyncio.gather(_pipe(reader, to_writer, writer.get_extra_info("socket")), _pipe(to_reader, writer))


async def _pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: socket.socket | None = None
) -> None:
    """Copy until the end; from the `client` acknowledge at once.

    urllib3 turns TCP_NODELAY off for proxied connections, so each small PUT would wait 40 ms for the delayed ACK.
    """
    with contextlib.suppress(OSError):
        _acknowledge(client)
        while data := await reader.read(65536):
            _acknowledge(client)
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


def _acknowledge(client: socket.socket | None) -> None:
    if client is not None and hasattr(socket, "TCP_QUICKACK"):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
