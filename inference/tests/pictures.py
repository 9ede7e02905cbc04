"""Image files of all kinds, drawn for the tests."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image

COLOURS = {"cats": (230, 20, 20), "dogs": (20, 230, 20), "pandas": (20, 20, 230)}


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(label: str, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A picture in the colour of that label."""
    return Image.new("RGB", size, COLOURS[label])


def textured(size: tuple[int, int] = (120, 80)) -> Image.Image:
    """A picture with something in every corner."""
    across = Image.linear_gradient("L").resize(size)
    down = Image.linear_gradient("L").rotate(90).resize(size)
    rings = Image.radial_gradient("L").resize(size)
    return Image.merge("RGB", (across, down, rings))


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of few bytes and, by its header, many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
