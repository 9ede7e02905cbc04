"""Errors that are answered to the caller, all with one body: {"error": {"code": …, "message": …}}."""

from __future__ import annotations

import json
from http import HTTPStatus


class ApiError(Exception):
    """An error that the caller gets to read."""

    def __init__(self, status: HTTPStatus, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        """For programs; it stays the same."""
        self.headers = headers or {}

    def closing(self) -> ApiError:
        """The same error, after which the connection ends: else the rest of the request's body would be waited for."""
        return ApiError(self.status, self.code, str(self), self.headers | {"Connection": "close"})

    def body(self) -> bytes:
        """What is answered."""
        return error_body(self.code, str(self))


def error_body(code: str, message: str) -> bytes:
    """The body of an answer that is an error."""
    return json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False).encode()
