"""The two ends of a tunnel, in this very process: a server that echoes, and a client that asks a proxy for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

HOST = "echo.example"


@dataclass
class Proxied:
    """A proxy that leads every host to one port, and notes what it was asked for."""

    port: int
    asked: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server on loopback that sends back what it gets; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextlib.asynccontextmanager
async def machine_proxy(leads_to: int, *, refuses: bool = False) -> AsyncIterator[Proxied]:
    """A proxy such as a company's."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxied.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if refuses:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", leads_to)
        await asyncio.gather(pipe(reader, to_writer), pipe(to_reader, writer))

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    proxied = Proxied(server.sockets[0].getsockname()[1])
    try:
        yield proxied
    finally:
        server.close()


async def tunnel(proxy: int, host: str, port: int) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask a proxy for a tunnel: its answer, and the tunnel's end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy)
    writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    return await reader.readuntil(b"\r\n\r\n"), reader, writer


async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
    """Send bytes into a tunnel, and read as many back."""
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), 10)
