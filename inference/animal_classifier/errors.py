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
        return json.dumps({"error": {"code": self.code, "message": str(self)}}, ensure_ascii=False).encode()
