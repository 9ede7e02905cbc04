"""The emulator's own way to arm faults: for whoever can read its settings file, and for no client of Azure's API."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import validation
from .client import PATH
from .rules import Rule

if TYPE_CHECKING:
    from ..context import Context

_Endpoint = Callable[[Request], Awaitable[Response]]


def _mistake(status: HTTPStatus, *lines: str) -> Response:
    return JSONResponse({"mistakes": lines}, status_code=status)


def _read(body: Any) -> list[Rule]:
    """The rules of a request. Raises RuleError."""
    given = body.get("rules") if isinstance(body, dict) else None
    if not isinstance(given, list) or not all(isinstance(rule, dict) for rule in given):
        raise validation.RuleError(["the request has no list 'rules'"])
    found = [validation.read(rule, name=f"rule-{number}") for number, rule in enumerate(given, start=1)]
    if len({rule.name for rule in found}) < len(found):
        raise validation.RuleError(["two rules have the same name"])
    return found


def routes(context: Context) -> list[Route]:
    """List the armed faults (GET), arm more (POST), clear all or one (DELETE): only with the control token."""
    expected = context.settings.control_token

    def guarded(endpoint: _Endpoint) -> _Endpoint:
        async def checked(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            known = bool(expected) and hmac.compare_digest(token.encode(), expected.encode())
            if scheme.lower() != "bearer" or not known:
                return _mistake(HTTPStatus.UNAUTHORIZED, "this needs the emulator's control token")
            return await endpoint(request)

        return checked

    async def listed(_: Request) -> Response:
        return JSONResponse({"value": context.faults.listed()})

    async def arm(request: Request) -> Response:
        try:
            body = await request.json()
            context.faults.arm(_read(body), instead=body.get("instead") is True)
        except validation.RuleError as error:
            return _mistake(HTTPStatus.BAD_REQUEST, *error.lines)
        except ValueError:
            return _mistake(HTTPStatus.BAD_REQUEST, "the request is not JSON")
        return await listed(request)

    async def clear(request: Request) -> Response:
        name = request.path_params.get("name")
        cleared = context.faults.clear(name)
        if name is not None and not cleared:
            return _mistake(HTTPStatus.NOT_FOUND, f"no fault '{name}' is armed")
        return JSONResponse({"cleared": cleared})

    return [
        Route(PATH, guarded(listed)),
        Route(PATH, guarded(arm), methods=["POST"]),
        Route(PATH, guarded(clear), methods=["DELETE"]),
        Route(f"{PATH}/{{name:path}}", guarded(clear), methods=["DELETE"]),
    ]
