"""Error answers in Azure's shape, so that the SDK's own exceptions come out of them."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


class ServiceError(Exception):
    """An error that is answered to the client: HTTP status, Azure's error code and a message for a person."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = {} if headers is None else dict(headers)


def bad_request(message: str, code: str = "UserError") -> ServiceError:
    """400: the request says something that cannot be."""
    return ServiceError(400, code, message)


def not_found(message: str, code: str = "ResourceNotFound") -> ServiceError:
    """404: what the request names does not exist."""
    return ServiceError(404, code, message)


def conflict(message: str, code: str = "Conflict") -> ServiceError:
    """409: not in the state that the resource is in."""
    return ServiceError(409, code, message)


def unauthorized(
    message: str, code: str = "InvalidAuthenticationToken", headers: Mapping[str, str] | None = None
) -> ServiceError:
    """401: no access token, or one that is not good here."""
    return ServiceError(401, code, message, {"WWW-Authenticate": "Bearer", **(headers or {})})


def not_implemented(what: str) -> ServiceError:
    """501: Azure has it, this emulator has not; it never makes a success up."""
    return ServiceError(501, "NotImplementedByEmulator", f"{what} is not implemented by this emulator")


def answer(error: ServiceError) -> JSONResponse:
    """The error as ARM writes it: https://learn.microsoft.com/azure/azure-resource-manager/ (error response)."""
    body = {"error": {"code": error.code, "message": error.message, "details": []}}
    return JSONResponse(body, status_code=error.status, headers=error.headers)


async def handle(_: Request, error: Exception) -> JSONResponse:
    """Starlette's handler for ServiceError."""
    if not isinstance(error, ServiceError):
        raise error
    return answer(error)


async def handle_unrouted(request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler for what it refuses by itself: a path that no route can take, a method that one has not."""
    if not isinstance(error, HTTPException):
        raise error
    message = f"{request.method} {request.url.path}: {error.detail}"
    return answer(ServiceError(error.status_code, "InvalidRequestPath", message, dict(error.headers or {})))


async def unknown_route(request: Request) -> JSONResponse:
    """Answer 501 for what no route takes, with the operation's name."""
    return answer(not_implemented(f"{request.method} {request.headers.get('host', '')}{request.url.path}"))
