"""The machine's own proxy: hosts that are not Azure's are reached as the machine's network rules want it."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import urllib.request
from urllib.parse import unquote, urlsplit

_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_DIRECT = ("127.0.0.1", "localhost")
_PORTS = {"http": 80, "https": 443}
_ANSWER_SECONDS = 30


class UpstreamError(Exception):
    """The machine's own proxy did not open the tunnel; `answer` is what it answered, if anything."""

    def __init__(self, message: str, answer: bytes = b"") -> None:
        super().__init__(message)
        self.answer = answer


def keep_to_others(own_proxy: int) -> None:
    """Take the emulator's own proxy out of this process's environment, and loopback out of everybody's reach.

    A server that sent its own requests through its own proxy would wait for itself. Proxies of the machine stay: they
    lead to the world outside, from here and from the jobs.
    """
    for name in (spelling for variable in _VARIABLES for spelling in (variable, variable.lower())):
        if os.environ.get(name, "").rstrip("/").endswith(f":{own_proxy}"):
            del os.environ[name]
    direct = [host for host in (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").split(",") if host]
    if direct != ["*"]:
        direct += [host for host in _DIRECT if host not in direct]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(direct)


def proxy_for(host: str) -> str | None:
    """The URL of the machine's proxy for an HTTPS connection to `host`, or None for a direct one."""
    proxies = urllib.request.getproxies_environment()
    if urllib.request.proxy_bypass(host):
        return None
    return proxies.get("https") or proxies.get("all")


async def connect(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to a host outside, through the machine's proxy if it has one. Raises OSError, UpstreamError."""
    url = proxy_for(host)
    if url is None:
        return await asyncio.open_connection(host, port)
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in _PORTS or parts.hostname is None:
        raise UpstreamError(f"the machine's proxy is of a kind that is not known here: {parts.scheme}")
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or _PORTS[parts.scheme], ssl=tls)
    try:
        name = f"[{host}]" if ":" in host else host
        head = f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n"
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            head += f"Proxy-Authorization: Basic {base64.b64encode(user.encode()).decode()}\r\n"
        writer.write(f"{head}\r\n".encode())
        await writer.drain()
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _ANSWER_SECONDS)
    except BaseException:
        writer.close()
        raise
    status = answer.split(b"\r\n", 1)[0]
    if status.split(b" ")[1:2] != [b"200"]:
        writer.close()
        raise UpstreamError(f"the machine's proxy refused {host}:{port}: {status.decode(errors='replace')}", status)
    return reader, writer
