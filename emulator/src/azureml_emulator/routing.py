"""Routes that say which operation of Azure's REST API they are, so that a table of them can be printed.

The names are the operationIds of the public REST specification (Azure/azure-rest-api-specs, machinelearningservices).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .errors import not_implemented

Endpoint = Callable[[Request], Awaitable[Response]]


class Operation(Route):
    """A route with its operation's name and, if it does not do all that Azure does, what is missing."""

    def __init__(
        self, path: str, endpoint: Endpoint, name: str, *, methods: Sequence[str] = ("GET",), missing: str = ""
    ) -> None:
        super().__init__(path, endpoint, methods=list(methods), name=name)
        self.missing = missing


class Unimplemented(Operation):
    """A route of Azure's that this emulator has not got: it answers 501 with the operation's name."""

    def __init__(self, path: str, name: str, *, methods: Sequence[str] = ("GET",)) -> None:
        async def refuse(_: Request) -> Response:
            raise not_implemented(name)

        super().__init__(path, refuse, name, methods=methods)
