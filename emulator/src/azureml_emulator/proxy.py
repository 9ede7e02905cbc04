"""The CONNECT proxy that leads Azure's host names here and lets every other host through."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket

from . import upstream
from .faults import connections
from .faults.armory import Armory
from .faults.tunnels import for_tunnel
from .settings import AZURE_HOSTS, BLOB_SUFFIX, Ports, host_is_one_of

log = logging.getLogger(__name__)

_REQUEST_LIMIT_SECONDS = 10
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
_NOT_ALLOWED = b"HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\nContent-Length: 0\r\n\r\n"


class Proxy:
    """Raw tunnels: TLS ends at the servers, never here.

    Of the storage accounts only the workspace's own is here; others, whose public data sets jobs read, are outside.
    """

    def __init__(self, ports: Ports, faults: Armory, *, storage_account: str) -> None:
        self._ports = ports
        self._blob_host = f"{storage_account}.{BLOB_SUFFIX}"
        self._faults = faults

    async def serve(self) -> asyncio.Server:
        """Listen on loopback."""
        return await asyncio.start_server(self._handle, "127.0.0.1", self._ports.proxy)

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if host_is_one_of(host, AZURE_HOSTS):
            return await asyncio.open_connection("127.0.0.1", self._ports.api)
        if host_is_one_of(host, (self._blob_host,)):
            return await asyncio.open_connection("127.0.0.1", self._ports.blob)
        return await upstream.connect(host, port)

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
            await _answer(writer, _NOT_ALLOWED)
            return
        host, _, port = target.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        fault = for_tunnel(self._faults, host)
        await asyncio.sleep(fault.delay)
        if fault.refuse:
            await _answer(writer, _BAD_GATEWAY)
            return
        try:
            to_reader, to_writer = await self._connect(host, int(port))
        except (OSError, EOFError, TimeoutError, upstream.UpstreamError) as error:
            log.info("no connection to %s: %s", target, error)
            refused = error.answer if isinstance(error, upstream.UpstreamError) else b""
            await _answer(writer, refused + b"\r\nContent-Length: 0\r\n\r\n" if refused else _BAD_GATEWAY)
            return
        await _answer(writer, _ESTABLISHED)
        await asyncio.gather(
            _pipe(reader, to_writer, client=writer, reset_after=fault.reset_after), _pipe(to_reader, writer)
        )


async def _answer(writer: asyncio.StreamWriter, answer: bytes) -> None:
    writer.write(answer)
    await writer.drain()


async def _pipe(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    client: asyncio.StreamWriter | None = None,
    reset_after: int | None = None,
) -> None:
    """Copy until the end; from the `client` acknowledge at once, and after `reset_after` bytes reset both ends.

    A lost connection is passed on as one: a proxy that made an orderly end of it would hide a fault. The ACK: urllib3
    turns TCP_NODELAY off for proxied connections, so each small PUT would wait 40 ms for the delayed one.
    """
    try:
        _acknowledge(client)
        left = reset_after
        while data := await reader.read(65536):
            _acknowledge(client)
            if left is not None:
                data, left = data[:left], left - len(data)
            writer.write(data)
            await writer.drain()
            if client is not None and left is not None and left <= 0:
                connections.reset(client.transport)
                connections.reset(writer.transport)
                return
    except ConnectionError:
        connections.reset(writer.transport)
    except OSError as error:
        log.info("tunnel closed: %r", error)
    with contextlib.suppress(OSError):
        writer.close()


def _acknowledge(client: asyncio.StreamWriter | None) -> None:
    if client is not None and hasattr(socket, "TCP_QUICKACK"):
        client.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
