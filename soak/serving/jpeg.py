"""JPEG files of sound segments with contents that contradict each other, or that take long to decode."""

from __future__ import annotations

import struct
from random import Random

from . import damage
from .pictures import pictures

_SIDES = (0, 1, 8, 4000, 8000, 16_000, 65_000, 65_535)
_SOI, _EOI, _SOS = b"\xff\xd8", b"\xff\xd9", 0xDA
_FRAMES = (0xC0, 0xC1, 0xC2)

Segment = tuple[int, bytes]


def segments(data: bytes) -> tuple[list[Segment], bytes]:
    """Marker and content of each segment of a good file up to its first scan; and that scan and all that follows."""
    found, at = [], 2
    while data[at + 1] != _SOS:
        (length,) = struct.unpack_from(">H", data, at + 2)
        found.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found, data[at:]


def joined(parts: list[Segment], scans: bytes) -> bytes:
    """A file of these."""
    return _SOI + b"".join(_segment(marker, content) for marker, content in parts) + scans


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def other_frame(data: bytes, draw: Random) -> bytes:
    """Another size, precision or sampling, or another number of components, than the scans are made for."""
    parts, scans = segments(data)
    for at, (marker, content) in enumerate(parts):
        if marker in _FRAMES:
            frame = bytearray(content)
            if draw.randrange(3):
                struct.pack_into(">HH", frame, 1, draw.choice(_SIDES), draw.choice(_SIDES))
            if not draw.randrange(3):
                frame[draw.choice((0, 5))] = draw.choice((0, 1, 2, 3, 4, 8, 12, 255))
            if draw.randrange(2):
                frame[draw.randrange(6, len(frame))] = draw.choice((0, 0x11, 0x22, 0x44, 0x14, 0x41, 0xFF))
            parts[at] = draw.choice((marker, marker, *_FRAMES, 0xC3, 0xC9)), bytes(frame)
    return joined(parts, scans)


def other_segments(data: bytes, draw: Random) -> bytes:
    """Tables and details that are missing, doubled, in another order or damaged."""
    parts, scans = segments(data)
    return joined(damage.some_parts(parts, draw, 2500), scans)


def added_segments(data: bytes, draw: Random) -> bytes:
    """EXIF data that turn the picture or lead nowhere, colour profiles in pieces, comments, restart intervals."""
    parts, scans = segments(data)
    tiff = draw.choice((b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II*\0\xff\xff\xff\x7f", b"II+\0\x08\0\0\0"))
    entry = struct.pack("<HHII", 0x0112, draw.choice((3, 4, 2, 255)), draw.choice((1, 0, 2**31)), draw.randrange(12))
    count = struct.pack("<H", draw.choice((0, 1, 2, 65_535)))
    exif = b"Exif\0\0" + tiff + count + entry * draw.choice((1, 2, 3000)) + draw.choice((b"", bytes(4), b"\x08\0\0\0"))
    profile = (
        b"ICC_PROFILE\0" + bytes((draw.randrange(256), draw.randrange(256))) + bytes(draw.choice((0, 100, 60_000)))
    )
    added = draw.choice(
        (
            [(0xE1, exif)],
            [(0xE2, profile)] * draw.choice((1, 3, 100)),
            [(0xFE, b"c" * 65_000)] * draw.choice((1, 100)),
            [(0xE2, b"MPF\0" + draw.choice((tiff, b"")) + draw.randbytes(60))],
            [(0xDD, struct.pack(">H", draw.choice((0, 1, 65_535))))],
            [(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((draw.choice((0, 1, 2, 3, 255)),)))],
            [(0xED, b"Photoshop 3.0\x008BIM" + draw.randbytes(80))],
        )
    )
    at = draw.randrange(len(parts) + 1)
    return joined([*parts[:at], *added, *parts[at:]], scans)


def many_scans(draw: Random) -> bytes:
    """A progressive JPEG whose scans come again and again: each of them goes through the whole picture."""
    parts, scans = segments(pictures()["JPEG"][1])
    side = draw.choice((64, 1000, 4000, 8000))
    sized = [
        (marker, struct.pack(">BHH", content[0], side, side) + content[5:] if marker in _FRAMES else content)
        for marker, content in parts
    ]
    body = scans.removesuffix(_EOI)
    # The budget is in bytes, which are what an attacker pays for.
    return joined(sized, body * draw.choice((2, 10, 60, 400, 2_000_000 // len(body)))) + _EOI


def bomb(draw: Random) -> bytes:
    """Few bytes and, by the header, many pixels."""
    parts, scans = segments(draw.choice(pictures()["JPEG"]))
    sides = draw.choice(((65_000, 65_000), (65_535, 65_535), (8001, 8000)))
    sized = [
        (marker, content[:1] + struct.pack(">HH", *sides) + content[5:] if marker in _FRAMES else content)
        for marker, content in parts
    ]
    return joined(sized, scans)


ALTERED = (other_frame, other_segments, added_segments)
MADE = (bomb, many_scans)
