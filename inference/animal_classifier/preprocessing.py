"""From an image file to the pixels that the network takes: the one way, in the preparation of data and in the service.

The data preparation packs this very file, so it needs nothing but Pillow. A prepared image that is stored as PNG and
prepared again stays as it is, to the bit.
"""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
"""What is read; told by the content, never by a name or a header."""

MAX_PIXELS = 16_000_000
"""Larger images are turned down before they are decoded; so many take up to 250 MiB for a moment."""

JPEG_FACTOR = 4
"""A JPEG may have that many times more, since it is decoded at a fraction of its size: cameras have many pixels."""

_JPEGS = ("JPEG", "MPO")  # a MPO is a JPEG that has more pictures after the first
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_WHITE = (255, 255, 255, 255)


class ImageError(ValueError):
    """An image that can't be used; the text says why."""


class UnsupportedFormatError(ImageError):
    """Not an image, or none of `FORMATS`."""


class TooManyPixelsError(ImageError):
    """An image of more pixels than allowed."""


class CorruptImageError(ImageError):
    """An image of a known format that can't be decoded, such as a truncated one."""


def prepare(source: BinaryIO, *, width: int, height: int, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode an image, turn it upright, and return it as RGB of that size.

    The middle of the image is kept where its shape is another. Of an animation it is the first picture; what is
    transparent becomes white.
    """
    image = _open(source)
    with image:
        _check_pixels(image, max_pixels)
        try:
            # A JPEG can be decoded at an eighth of its size at a fraction of the time and memory. Twice the size that
            # is needed loses nothing that one could see.
            longest = 2 * max(width, height)
            image.draft(None, (longest, longest))
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            fitted = ImageOps.fit(_resizable(image), (width, height), Image.Resampling.BICUBIC)
        except Exception as error:  # on damaged files the decoders raise whatever comes
            raise CorruptImageError(f"the image can't be decoded: {error}") from error
    return _opaque(fitted)


def _open(source: BinaryIO) -> Image.Image:
    """The image, of which only the header has been read."""
    head = source.read(16)
    source.seek(0)
    try:
        return Image.open(source, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError(f"the image has too many pixels: {error}") from error
    except UnidentifiedImageError as error:
        if head.startswith(_SIGNATURES) or (head[:4], head[8:12]) == (b"RIFF", b"WEBP"):
            raise CorruptImageError("the image can't be decoded: its header is damaged or cut off") from error
        known = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise UnsupportedFormatError(f"the content is not a {known} image") from error
    except Exception as error:
        raise CorruptImageError(f"the image can't be decoded: {error}") from error


def _check_pixels(image: Image.Image, max_pixels: int) -> None:
    allowed = max_pixels * JPEG_FACTOR if image.format in _JPEGS else max_pixels
    if image.width * image.height > allowed:
        raise TooManyPixelsError(
            f"the image has {image.width} x {image.height} pixels; at most {allowed:,} are allowed for {image.format}"
        )


def _resizable(image: Image.Image) -> Image.Image:
    """The same image as RGB, or as RGBA if some of it may be transparent."""
    if image.mode.startswith("I"):
        # 16 bits of grey; a plain conversion would cut at 255 instead of scaling.
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image).convert("RGB")
