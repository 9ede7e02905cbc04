"""Which requests are let in: so many, and so many bytes of them, that waiting and memory stay bounded."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from types import TracebackType

from .errors import ApiError
from .metrics import Metrics


class Admission:
    """Counts what is inside; used from the event loop alone."""

    def __init__(self, metrics: Metrics, *, max_requests: int, max_bytes: int) -> None:
        self._metrics = metrics
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._requests = 0
        self._bytes = 0
        self._announced = 0
        self._announced_bytes = 0

    def has_room(self, size: int) -> bool:
        """Whether a request whose head has just come could be let in, besides those that came in the same moment.

        So the server knows before it reads the body: thousands may come between two turns of the event loop.
        """
        held = self._bytes + self._announced_bytes
        if self._requests + self._announced >= self._max_requests or (held and held + size > self._max_bytes):
            return False
        if not self._announced:
            asyncio.get_running_loop().call_soon(self._forget_announced)
        self._announced += 1
        self._announced_bytes += size
        return True

    def _forget_announced(self) -> None:
        """By now they have begun to ask for themselves."""
        self._announced = self._announced_bytes = 0

    def admit(self, size: int) -> Admitted:
        """Let in a request, whose body has at least `size` bytes. Raises an `ApiError` if there is no room."""
        if self._requests >= self._max_requests:
            raise overloaded()
        self.hold(size)
        self._requests += 1
        self._metrics.in_flight.inc()
        return Admitted(self, size)

    def hold(self, size: int) -> None:
        """Count so many bytes more. Raises an `ApiError` if there is no room; there always is for the only ones."""
        if self._bytes and self._bytes + size > self._max_bytes:
            raise overloaded()
        self._bytes += size

    def leave(self, size: int) -> None:
        """Count a request and its bytes no longer."""
        self._requests -= 1
        self._bytes -= size
        self._metrics.in_flight.dec()


class Admitted:
    """A request that has been let in, until the end of the `with` block."""

    def __init__(self, admission: Admission, size: int) -> None:
        self._admission = admission
        self._size = size

    def grow(self, size: int) -> None:
        """Hold at least so many bytes. Raises an `ApiError` if there is no room for them."""
        if size > self._size:
            self._admission.hold(size - self._size)
            self._size = size

    def __enter__(self) -> Admitted:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._admission.leave(self._size)


def overloaded() -> ApiError:
    """What is answered where there is no room."""
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "overloaded",
        "too many requests at once; try again soon",
        {"Retry-After": "1"},
    )
