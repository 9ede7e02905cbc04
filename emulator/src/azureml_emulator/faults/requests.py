"""Faults of requests: an error's status, a lost connection, a slow answer, a token that has expired."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import ServiceError, answer
from ..settings import AZURE_HOSTS, LOGIN_HOST, host_is_one_of
from .rules import EXPIRED_TOKEN, RESET, SLOW, STATUS, Rule

if TYPE_CHECKING:
    from ..context import Context

_CODES = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.UNAUTHORIZED: "InvalidAuthenticationToken",
    HTTPStatus.FORBIDDEN: "AuthorizationFailed",
    HTTPStatus.NOT_FOUND: "ResourceNotFound",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalServerError",
    HTTPStatus.BAD_GATEWAY: "BadGateway",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
    HTTPStatus.GATEWAY_TIMEOUT: "GatewayTimeout",
}
_ENTRA_TRANSIENT = "AADSTS90033: A transient error has occurred. Please try again."


class RequestFaults:
    """Middleware between clients and everything that answers for Azure; the emulator's own pages are left alone."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or do to it what a rule says."""
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else ""
        if not host_is_one_of(host, AZURE_HOSTS):
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        struck = self._context.faults.strike({STATUS, RESET, SLOW}, lambda rule: _means(rule, method, path))
        for rule in struck:
            if rule.fault == SLOW:
                await asyncio.sleep(rule.seconds or 0)
        last = struck[-1] if struck else None
        if last is None or last.fault == SLOW:
            await self._app(scope, receive, send)
            return
        if last.performed:
            await self._app(scope, receive, _nowhere)
        if last.fault == STATUS:
            await _refusal(last, host)(scope, receive, send)
        else:
            await self._reset(scope, receive, performed=last.performed)

    async def _reset(self, scope: Scope, receive: Receive, *, performed: bool) -> None:
        """Reset the connection once the request is there: a client that still sends it would only see a broken pipe."""
        message: Message = {"type": "http.request", "more_body": not performed}
        while message["type"] == "http.request" and message.get("more_body"):
            message = await receive()
        self._context.connections.reset(scope.get("client"))
        # Uvicorn takes an application that answers nothing for broken, but not one whose client has gone.
        while message["type"] != "http.disconnect":
            message = await receive()


def _means(rule: Rule, method: str, path: str) -> bool:
    return rule.tunnel is None and rule.means_request(method, path)


async def _nowhere(_: Message) -> None:
    """Lose an answer."""


def _refusal(rule: Rule, host: str) -> Response:
    """The error in the shape of whoever would answer: ARM and the data plane, or Entra."""
    status = rule.status or HTTPStatus.INTERNAL_SERVER_ERROR
    headers = {} if rule.retry_after is None else {"Retry-After": f"{rule.retry_after:g}"}
    if host_is_one_of(host, (LOGIN_HOST,)):
        body = {"error": rule.code or "temporarily_unavailable", "error_description": rule.message or _ENTRA_TRANSIENT}
        return JSONResponse(body, status_code=status, headers=headers)
    code = rule.code or next((c for known, c in _CODES.items() if known == status), "InternalServerError")
    message = rule.message or f"The request was answered {status} by the armed fault {rule.name}."
    return answer(ServiceError(status, code, message, headers))


def token_has_expired(context: Context, method: str, path: str) -> bool:
    """Whether this request's access token is to be taken for one that has expired."""
    return bool(context.faults.strike({EXPIRED_TOKEN}, lambda rule: rule.means_request(method, path)))
