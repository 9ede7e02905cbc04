"""Errors that a user can act on."""

from __future__ import annotations


class ActionError(Exception):
    """What is wrong, where, and what to do, in one line.

    `file`, `line` and `column` (from 1) are given if a file of the caller's is to blame; `others` are what else is
    wrong, each of which is to be told at its own place.
    """

    def __init__(
        self,
        message: str,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        others: tuple[ActionError, ...] = (),
    ) -> None:
        super().__init__(message)
        self.file = file
        self.line = line
        self.column = column
        self.others = others
