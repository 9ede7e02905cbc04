"""The small pictures that all uploads are made from, one of each way to write the formats that the service takes."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from PIL import Image

ORIENTATION = 0x0112
SIZE = (64, 48)


def _encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _drawn(size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture with something in every corner."""
    across = Image.linear_gradient("L").resize(size)
    down = Image.linear_gradient("L").rotate(90).resize(size)
    return Image.merge("RGB", (across, down, Image.radial_gradient("L").resize(size)))


def good() -> bytes:
    """A photo that the service must always answer, and always the same."""
    return _encode(_drawn((160, 120)), "JPEG", quality=90)


@cache
def pictures() -> dict[str, tuple[bytes, ...]]:
    """By format, files of one to five kilobytes."""
    image = _drawn()
    turned = Image.Exif()
    turned[ORIENTATION] = 6
    frames = [image.rotate(angle) for angle in (90, 180, 270)]
    animated = {"save_all": True, "append_images": frames, "duration": 40}
    translucent = image.convert("RGBA")
    translucent.putalpha(Image.radial_gradient("L").resize(SIZE))
    profile = bytes(500)
    return {
        "JPEG": (
            _encode(image, "JPEG"),
            _encode(image, "JPEG", progressive=True, exif=turned),
            _encode(image.convert("L"), "JPEG", restart_marker_blocks=2),
            _encode(image.convert("CMYK"), "JPEG", icc_profile=profile, comment="a comment"),
            _encode(image, "MPO", save_all=True, append_images=frames[:1]),
        ),
        "PNG": (
            _encode(image, "PNG", exif=turned),
            _encode(translucent, "PNG", icc_profile=profile),
            _encode(image.quantize(16), "PNG", transparency=3),
            _encode(image.convert("I;16"), "PNG"),
            _encode(image.convert("1"), "PNG"),
            _encode(image, "PNG", **animated),
        ),
        "GIF": (
            _encode(image, "GIF"),
            _encode(image, "GIF", interlace=1, comment=b"c"),
            _encode(image, "GIF", **animated),
        ),
        "WEBP": (
            _encode(image, "WEBP", exif=turned),
            _encode(translucent, "WEBP", lossless=True, icc_profile=profile),
            _encode(image, "WEBP", **animated),
        ),
    }
