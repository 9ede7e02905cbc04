"""Errors that are answered to the caller, all with one body: {"error": {"code": …, "message": …}}."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from .metrics import Metrics


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str
    """For programs; it stays the same."""
    message: str
    """For people."""


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class ApiError(Exception):
    """An error that the caller gets to read."""

    def __init__(self, status: HTTPStatus, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


def _answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    body = ErrorBody(error=ErrorDetail(code=code, message=message))
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def answer_errors(app: FastAPI, metrics: Metrics) -> None:
    """Have the app answer its own errors and those of the framework with that body."""

    @app.exception_handler(ApiError)
    async def answer_api_error(_: Request, error: ApiError) -> JSONResponse:
        metrics.errors.labels(error.code).inc()
        return _answer(error.status, error.code, str(error), error.headers)

    @app.exception_handler(HTTPException)
    async def answer_http_exception(request: Request, error: HTTPException) -> JSONResponse:
        code = HTTPStatus(error.status_code).name.lower()
        headers = dict(error.headers) if error.headers else None
        return _answer(error.status_code, code, f"{request.method} {request.url.path}: {error.detail}", headers)
