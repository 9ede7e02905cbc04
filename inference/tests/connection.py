"""HTTP by hand, where a client library would not do what a test needs."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class Answer:
    status: int
    head: str
    body: bytes


class Connection:
    """One connection to a service."""

    def __init__(self, service: httpx.Client) -> None:
        self.socket = socket.create_connection((service.base_url.host, service.base_url.port or 80), timeout=20)
        self._received = b""

    def start(self, length: int, *headers: str) -> None:
        """Send the head of a prediction."""
        lines = ["POST /predict HTTP/1.1", "Host: x", f"Content-Length: {length}", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def answer(self) -> Answer:
        """The next answer."""
        head = self._until(b"\r\n\r\n").decode()
        length = int(re.search(r"content-length: (\d+)", head)[1])  # type: ignore[index]
        while len(self._received) < length:
            self._receive()
        body, self._received = self._received[:length], self._received[length:]
        return Answer(int(head.split()[1]), head, body)

    def ended(self) -> bool:
        """Whether the service has closed the connection; waits for it."""
        return not self._received and not self.socket.recv(1)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._received:
            self._receive()
        found, _, self._received = self._received.partition(mark)
        return found

    def _receive(self) -> None:
        chunk = self.socket.recv(65536)
        assert chunk, f"the connection ended after {self._received!r}"
        self._received += chunk


@contextlib.contextmanager
def connections(service: httpx.Client, number: int = 1) -> Iterator[list[Connection]]:
    """So many connections, closed at the end."""
    opened = [Connection(service) for _ in range(number)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.socket.close()
