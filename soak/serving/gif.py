"""GIF files with screens and frames of other sizes than their pixels, and with more frames than anyone looks at."""

from __future__ import annotations

import struct
from random import Random

from .pictures import pictures

_SIDES = (0, 1, 63, 65, 4000, 16_000, 65_000, 65_535)


def other_screen(data: bytes, draw: Random) -> bytes:
    """Another size, palette or background of the screen."""
    changed = bytearray(data)
    struct.pack_into("<HH", changed, 6, draw.choice(_SIDES), draw.choice(_SIDES))
    if not draw.randrange(3):
        changed[draw.choice((10, 11, 12))] = draw.randrange(256)
    return bytes(changed)


def other_frame(data: bytes, draw: Random) -> bytes:
    """Another place, size, palette or code size of one of the frames."""
    changed = bytearray(data)
    places = [at for at in range(13, len(data) - 11) if data[at] == ord(",")]
    at = draw.choice(places)
    struct.pack_into("<HHHH", changed, at + 1, *(draw.choice(_SIDES) for _ in range(4)))
    if draw.randrange(2):
        changed[at + 9] = draw.randrange(256)
    if draw.randrange(2):
        changed[at + 10] = draw.choice((0, 1, 2, 8, 11, 12, 13, 255))
    return bytes(changed)


def many_frames(data: bytes, draw: Random) -> bytes:
    """One frame again and again, or as many extensions."""
    start = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    head, frames = data[:start], data[start:].removesuffix(b";")
    times = draw.choice((2, 100, 1_000_000 // max(1, len(frames))))
    extension = draw.choice(
        (b"!\xfe\x01c\x00", b"!\xff\x0bNETSCAPE2.0\x03\x01\xff\xff\x00", b"!\xf9\x04\xff\xff\xff\xff\x00")
    )
    return draw.choice((head + frames * times, head + extension * draw.choice((10, 20_000)) + frames)) + b";"


def bomb(draw: Random) -> bytes:
    """Few bytes and, by the header, many pixels."""
    changed = bytearray(draw.choice(pictures()["GIF"]))
    struct.pack_into("<HH", changed, 6, *draw.choice(((65_000, 65_000), (65_535, 65_535), (4001, 4000))))
    return bytes(changed)


ALTERED = (other_screen, other_frame, many_frames)
MADE = (bomb,)
