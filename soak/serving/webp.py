"""WEBP files with canvases, frames and chunks of other sizes than what is in them."""

from __future__ import annotations

import struct
from random import Random

from . import damage
from .pictures import pictures

_SIDES = (1, 2, 63, 4000, 16_383, 16_384, 2**24)

Chunk = tuple[bytes, bytes]


def chunks(data: bytes) -> list[Chunk]:
    """Kind and content of each chunk of a good file."""
    found, at = [], 12
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        found.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return found


def joined(parts: list[Chunk]) -> bytes:
    """A file of these chunks."""
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for kind, content in parts
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _canvas(content: bytes, width: int, height: int) -> bytes:
    return content[:4] + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def other_canvas(data: bytes, draw: Random) -> bytes:
    """Another canvas than the frames are for; flags that promise what is not there."""
    parts = chunks(data)
    kind, content = parts[0]
    if kind != b"VP8X":
        parts.insert(0, (b"VP8X", bytes(10)))
        content = bytes(10)
    content = bytes((draw.choice((content[0], draw.randrange(256))),)) + content[1:]
    parts[0] = b"VP8X", _canvas(content, draw.choice(_SIDES), draw.choice(_SIDES))
    return joined(parts)


def other_chunks(data: bytes, draw: Random) -> bytes:
    """Chunks that are missing, doubled, in another order or damaged."""
    return joined(damage.some_parts(chunks(data), draw, 200))


def other_sizes(data: bytes, draw: Random) -> bytes:
    """Lengths of the file and of a chunk that lead elsewhere."""
    changed = bytearray(data)
    for at in draw.sample((4, 16), draw.randint(1, 2)):
        struct.pack_into("<I", changed, at, draw.choice((0, 1, 2, len(data), 2**31, 2**32 - 1)))
    return bytes(changed)


def many_frames(draw: Random) -> bytes:
    """An animation whose frames come again and again."""
    parts = chunks(pictures()["WEBP"][2])
    frames = [part for part in parts if part[0] == b"ANMF"]
    rest = [part for part in parts if part[0] != b"ANMF"]
    if not draw.randrange(3):
        rest[0] = b"VP8X", _canvas(rest[0][1], draw.choice(_SIDES), draw.choice(_SIDES))
    return joined([*rest, *frames * draw.choice((10, 100, 400))])


def bomb(draw: Random) -> bytes:
    """Few bytes and, by the header, many pixels."""
    parts = chunks(draw.choice(pictures()["WEBP"]))
    sides = draw.choice(((16_383, 16_383), (2**24, 2**24), (65_000, 65_000), (4001, 4000)))
    content = parts[0][1] if parts[0][0] == b"VP8X" else bytes(10)
    rest = parts[1:] if parts[0][0] == b"VP8X" else parts
    return joined([(b"VP8X", _canvas(content, *sides)), *rest])


ALTERED = (other_canvas, other_chunks, other_sizes)
MADE = (bomb, many_frames)
