"""Damages any file without knowing what it is: what a broken transfer, a bad disk or a plain fuzzer does to it."""

from __future__ import annotations

from random import Random
from typing import TypeVar

Kind = TypeVar("Kind")

_TELLING = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xd8",
)
"""Where lengths and counters turn over."""


def truncated(data: bytes, draw: Random) -> bytes:
    """The start of it, most often all but a little."""
    return data[: draw.choice((draw.randrange(len(data)), len(data) - draw.randrange(1, min(64, len(data)))))]


def flipped(data: bytes, draw: Random) -> bytes:
    """Some of its bits turned over."""
    damaged = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16, 64))):
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def overwritten(data: bytes, draw: Random) -> bytes:
    """Some places set to values that programs stumble over; the header most often."""
    damaged = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(draw.choice((min(64, len(damaged)), len(damaged))))
        value = draw.choice(_TELLING)
        damaged[at : at + len(value)] = value
    return bytes(damaged)


def rearranged(data: bytes, draw: Random) -> bytes:
    """A piece of it deleted, doubled or moved."""
    start, end = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    piece = data[start:end]
    rest = data[:start] + data[end:]
    at = draw.randrange(len(rest) + 1)
    return draw.choice((rest, data[:end] + piece * draw.randint(1, 20) + data[end:], rest[:at] + piece + rest[at:]))


def lengthened(data: bytes, draw: Random) -> bytes:
    """With something after its end or in its middle."""
    extra = draw.choice((bytes(draw.randint(1, 70_000)), draw.randbytes(draw.randint(1, 3000)), data))
    at = draw.choice((len(data), draw.randrange(len(data) + 1)))
    return data[:at] + extra + data[at:]


ALL = (truncated, flipped, overwritten, rearranged, lengthened)


def some_parts(parts: list[tuple[Kind, bytes]], draw: Random, most_copies: int) -> list[tuple[Kind, bytes]]:
    """The chunks or segments of a file, some of which are missing, copied, in another order, or of another content."""
    changed = list(parts)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(changed))
        kind, content = changed[at]
        match draw.choice(("missing", "copied", "shuffled", "cut", "blurred")):
            case "missing" if len(changed) > 1:
                del changed[at]
            case "copied":
                changed[at:at] = [changed[at]] * draw.choice((1, 1, most_copies))
            case "shuffled":
                draw.shuffle(changed)
            case "cut":
                changed[at] = kind, content[: draw.randrange(len(content) + 1)]
            case _:
                begin = draw.randrange(min(16, len(content)) or 1)
                changed[at] = kind, content[:begin] + draw.randbytes(draw.choice((1, 2, 16))) + content[begin + 2 :]
    return changed


def any_damage(data: bytes, draw: Random) -> bytes:
    """One of these."""
    return draw.choice(ALL)(data, draw) if data else data
