"""Sends what no HTTP library would send, and reads the answer as one does."""

from __future__ import annotations

import http.client
import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .wire import Request

PATIENCE = 30.0
"""Seconds after which an answer no longer comes."""

_WAIT = 0.1
"""Seconds in which most answers come; whoever still has none may be waiting for the rest of the request."""


@dataclass(frozen=True)
class Answer:
    """What came back: nothing has the status 0."""

    status: int
    kind: str
    content: bytes
    seconds: float
    went: bool = False
    """Whether the client has gone before: it said that nothing more comes while the service waited for more, or could
    not send all."""

    def is_error_of(self, path: str) -> bool:
        """Whether the body is that of the service's errors, which differs for the paths of the protocol for models."""
        try:
            body = json.loads(self.content)
        except ValueError:
            return False
        if not isinstance(body, dict) or set(body) != {"error"}:
            return False
        error = body["error"]
        if path.startswith("/v2"):
            return isinstance(error, str)
        return isinstance(error, dict) and set(error) == {"code", "message"}


class Client:
    """One connection, kept as long as the service keeps it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None

    def ask(self, request: Request) -> Answer:
        """Send a request and wait for the answer; one that is not sound has a connection to itself."""
        if not request.sound:
            self.close()
        began = time.monotonic()
        connection = self._connected()
        try:
            for piece in request.pieces:
                connection.sendall(piece)
            went = not request.sound and _went(connection)
        except OSError:  # it was answered early, which may be read still
            went = True
        status, kind, content, kept = _answered(connection)
        if not (kept and request.sound):
            self.close()
        return Answer(status, kind, content, time.monotonic() - began, went)

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        # A connection that the service has closed meanwhile, as it may, is readable: there is its end to read.
        if self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket


def _went(connection: socket.socket) -> bool:
    """Tell that nothing more comes, if it is clear that the service waits for it; whether that was so."""
    if select.select([connection], [], [], _WAIT)[0]:
        return False
    connection.shutdown(socket.SHUT_WR)
    return True


def _answered(connection: socket.socket) -> tuple[int, str, bytes, bool]:
    """Status, type and content of the answer, and whether the connection stays; the status is 0 if there is none."""
    answer = http.client.HTTPResponse(connection, method="POST")
    try:
        answer.begin()
        content = answer.read()
        return answer.status, answer.headers.get_content_type(), content, not answer.will_close
    except TimeoutError:
        return 0, "timeout", b"", False
    except (OSError, http.client.HTTPException) as error:
        return 0, type(error).__name__, b"", False
    finally:
        answer.close()


@contextmanager
def connected(host: str, port: int) -> Iterator[Client]:
    """A client, whose connection is closed in the end."""
    client = Client(host, port)
    try:
        yield client
    finally:
        client.close()
