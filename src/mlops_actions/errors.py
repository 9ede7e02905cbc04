"""Errors that a user can act on."""

from __future__ import annotations


class ActionError(Exception):
    """What is wrong, where, and what to do, in one line; `file` and `line` if a file of the caller's is to blame."""

    def __init__(self, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.file = file
        self.line = line
