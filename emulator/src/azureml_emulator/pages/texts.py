"""Logs and other text files as a page shows them: whole lines, without what is meant for a terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .storage import Piece, Storage

PIECE = 128 * 1024
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Text:
    """Lines of a file: the bytes from `start` to `end` of `total`."""

    text: str
    start: int
    end: int
    total: int


def plain(data: bytes) -> str:
    """Text without colours and control characters; of a line that was written over, what was there last."""
    lines = _ESCAPE.sub("", data.decode("utf-8", "replace")).split("\n")
    return "\n".join(_CONTROL.sub("", line.rstrip("\r").rsplit("\r", 1)[-1]) for line in lines)


def after(storage: Storage, container: str, path: str, start: int, *, length: int = PIECE) -> Text:
    """The lines from a byte on, where one begins. Raises NoSuchFile."""
    return _whole_lines(storage.piece(container, path, max(start, 0), length), begins_line=True)


def before(storage: Storage, container: str, path: str, end: int | None, *, length: int = PIECE) -> Text:
    """The last lines before a byte where a line begins, or before the end of the file. Raises NoSuchFile."""
    if end is None:
        piece = storage.piece(container, path, -length, length)
    else:
        begin = max(end - length, 0)
        piece = storage.piece(container, path, begin, max(end - begin, 0))
    return _whole_lines(piece, begins_line=piece.start == 0)


def _whole_lines(piece: Piece, *, begins_line: bool) -> Text:
    """Leave out the parts of lines at both ends, unless a line is longer than the whole piece."""
    data, start = piece.data, piece.start
    if not begins_line:
        cut = data.find(b"\n") + 1
        data, start = data[cut:], start + cut
    if start + len(data) < piece.total and (cut := data.rfind(b"\n") + 1):
        data = data[:cut]
    return Text(plain(data), start, start + len(data), piece.total)
