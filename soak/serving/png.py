"""PNG files whose check sums are right and whose contents are not: plain damage seldom gets past a check sum."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from functools import cache
from random import Random

from . import damage

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIDES = (0, 1, 7, 4000, 4001, 16_384, 65_000, 65_535, 2**24, 2**31 - 1, 2**31, 2**32 - 1)

Chunk = tuple[bytes, bytes]


def chunks(data: bytes) -> list[Chunk]:
    """Kind and content of each chunk of a good file."""
    found, at = [], len(_SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def joined(parts: Iterable[Chunk]) -> bytes:
    """A file of these chunks."""
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts
    )


def other_header(data: bytes, draw: Random) -> bytes:
    """Other sizes, bit depths, colour types or interlacing than the pixels are stored with."""
    (_, header), *rest = chunks(data)
    width, height, depth, colour, compression, method, interlaced = struct.unpack(">IIBBBBB", header)
    if draw.randrange(5) > 1:
        width, height = draw.choice((width, *_SIDES)), draw.choice((height, *_SIDES))
    if not draw.randrange(3):
        depth, colour = draw.choice((1, 2, 4, 8, 16, 0, 32, 255)), draw.choice((0, 2, 3, 4, 6, 1, 7, 255))
    if not draw.randrange(3):
        compression, method, interlaced = draw.choice((0, 0, 1)), draw.choice((0, 0, 64)), draw.choice((0, 1, 1, 2))
    return joined(
        [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, compression, method, interlaced)), *rest]
    )


def other_chunks(data: bytes, draw: Random) -> bytes:
    """Chunks that are missing, doubled, in another order, or of a damaged content with the right check sum."""
    return joined(damage.some_parts(chunks(data), draw, 500))


def added_chunks(data: bytes, draw: Random) -> bytes:
    """Chunks that unpack to much, or tell of much: texts, colour profiles, palettes, animations, EXIF data."""
    header, *rest = chunks(data)
    return joined([header, *draw.choice(_ADDED)(draw), *rest])


@cache
def _packed(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


def _texts(draw: Random) -> list[Chunk]:
    packed = _packed(draw.choice((1000, 2_000_000, 20_000_000)))
    kind, content = draw.choice(
        (
            (b"zTXt", b"key\0\0"),
            (b"iTXt", b"key\0\1\0\0\0"),
            (b"iCCP", b"profile\0\0"),
            (b"zTXt", b"key\0\7"),
            (b"iTXt", b"key"),
        )
    )
    return [(kind, content + packed)] * draw.choice((1, 1, 8))


def _many_texts(draw: Random) -> list[Chunk]:
    return [(b"tEXt", b"key\0" + bytes(draw.choice((0, 30, 300))))] * draw.choice((10, 3000))


def _one_long_text(draw: Random) -> list[Chunk]:
    return [(b"tEXt", b"k" * draw.choice((79, 5000)) + b"\0" + b"x" * draw.choice((10, 2_000_000)))]


def _animation(draw: Random) -> list[Chunk]:
    frames = draw.choice((0, 1, 2, 2**31 - 1, 2**32 - 1))
    sides = [draw.choice((1, 64, *_SIDES)) for _ in range(4)]
    control = struct.pack(">IIIIIHHBB", draw.choice((0, 1, 2**31)), *sides, 1, draw.choice((0, 100)), 0, 0)
    return [(b"acTL", struct.pack(">II", frames, 0)), (b"fcTL", control)]


def _colours(draw: Random) -> list[Chunk]:
    return [
        (b"PLTE", bytes(draw.choice((0, 1, 3, 768, 769, 3000)))),
        (b"tRNS", bytes(draw.choice((0, 1, 2, 6, 256, 1000)))),
    ]


def _details(draw: Random) -> list[Chunk]:
    kind = draw.choice((b"eXIf", b"gAMA", b"cHRM", b"pHYs", b"sRGB", b"bKGD", b"XxXx", b"\0\0\0\0"))
    return [(kind, draw.choice((b"", b"MM\0*\0\0\0\x08\xff\xff", draw.randbytes(draw.randint(1, 40)), bytes(32))))]


_ADDED = (_texts, _many_texts, _one_long_text, _animation, _colours, _details)


def bomb(draw: Random) -> bytes:
    """Few bytes and many pixels: by the header alone, or truly so."""
    width, height = draw.choice(
        ((65_000, 65_000), (65_535, 65_535), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (4001, 4000))
    )
    pixels = draw.choice((b"", _packed(1000), _packed(10_000_000)))
    header = struct.pack(">IIBBBBB", width, height, 8, draw.choice((0, 2, 3, 6)), 0, 0, draw.choice((0, 1)))
    return joined([(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")])


ALTERED = (other_header, other_chunks, added_chunks)
MADE = (bomb,)
