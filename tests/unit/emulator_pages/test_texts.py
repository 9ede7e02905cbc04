"""What a page shows of logs: whole lines, from either end, and nothing that is meant for a terminal."""

from __future__ import annotations

import time

import pytest

from azureml_emulator.pages.storage import Piece, Storage
from azureml_emulator.pages.texts import after, before, plain


class Kept(Storage):
    """A storage that holds one file."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def piece(self, container: str, path: str, start: int, length: int) -> Piece:  # noqa: ARG002
        begin = max(len(self.data) + start, 0) if start < 0 else min(start, len(self.data))
        return Piece(self.data[begin : begin + length], begin, len(self.data))


LINES = b"".join(b"line %03d\n" % number for number in range(100))


def test_the_end_begins_with_a_whole_line() -> None:
    text = before(Kept(LINES), "c", "log", None, length=30)
    assert text.text == "line 097\nline 098\nline 099\n"
    assert (text.end, text.total) == (len(LINES), len(LINES))


def test_all_of_it_is_read_backwards_without_a_gap_or_a_line_twice() -> None:
    parts, end = [], None
    while end is None or end > 0:
        text = before(Kept(LINES), "c", "log", end, length=100)
        parts.insert(0, text.text)
        end = text.start
    assert "".join(parts) == LINES.decode()


def test_all_of_it_is_read_forwards_without_a_gap_or_a_line_twice() -> None:
    parts, start = [], 0
    while start < len(LINES):
        text = after(Kept(LINES), "c", "log", start, length=100)
        parts.append(text.text)
        start = text.end
    assert "".join(parts) == LINES.decode()


def test_a_line_longer_than_a_piece_is_still_got_over() -> None:
    text = after(Kept(b"x" * 500 + b"\nend\n"), "c", "log", 0, length=100)
    assert (text.start, text.end) == (0, 100)


def test_beyond_the_end_there_is_nothing() -> None:
    text = after(Kept(LINES), "c", "log", len(LINES) + 50)
    assert (text.text, text.end) == ("", len(LINES))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"\x1b[1;31mred\x1b[0m\n", "red\n"),
        (b"\x1b]0;title\x07text", "text"),
        (b" 10%\r 50%\r100%\ndone\r\n", "100%\ndone\n"),
        (b"a\x00b\x08c\td", "abc\td"),
        (b"\xff\xfe", "��"),
        ("größer ✓".encode(), "größer ✓"),
    ],
)
def test_only_text_is_shown(written: bytes, shown: str) -> None:
    assert plain(written) == shown


@pytest.mark.parametrize("written", [b"\x1b[" * 100_000, b"\x1b]" * 100_000, b"x" * 500_000, b"\r" * 500_000])
def test_no_text_takes_long(written: bytes) -> None:
    began = time.perf_counter()
    plain(written)
    assert time.perf_counter() - began < 2
