"""From an image file to the pixels that the network takes: the one way, in the preparation of data and in the service.

The data preparation packs this very file, so it needs nothing but Pillow. A prepared image that is stored as PNG and
prepared again stays as it is, to the bit.

Most of a photo's time goes into the entropy coding of its JPEG. The inverse DCT is computed at the smallest of 1/8, 1/4
and 1/2 of the size that still covers what is asked for (libjpeg's scaled decoding). Of a progressive JPEG (ITU-T T.81,
annex G), as most on the web are, the scans are left out that hold what hardly shows at an eighth or a quarter of its
size: the higher frequencies and the lowest bits. That saves two thirds of the time that such a photo takes, and changes
its pixels by less than the scaling does.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
"""What is read; told by the content, never by a name or a header."""

MAX_PIXELS = 16_000_000
"""Larger images are turned down before they are decoded; so many take up to 256 MB for a moment."""

JPEG_FACTOR = 4
"""A JPEG may have that many times more, since it is decoded at a fraction of its size: cameras have many pixels. One of
several scans may not take more memory than another image."""

MAX_SCANS = 100
"""Scans that a JPEG may have; encoders write about ten. Each costs a pass over the picture, however short it is."""

MAX_SEGMENTS = 2000
"""Segments that a JPEG may have; the most are a profile's or a description's, of up to 64 KiB each."""

_BYTES_OF_PIXEL = 16
"""That decoding takes at most, with all the copies: four of four bytes each."""

_JPEG = b"\xff\xd8"
_JPEGS = ("JPEG", "MPO")  # a MPO is a JPEG that has more pictures after the first
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_WHITE = (255, 255, 255, 255)

# Of a JPEG: neither a stuffed 0xFF of a scan nor a restart. That it begins with one byte lets it be found by memchr.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_START, _END, _SCAN, _PROGRESSIVE = 0xD8, 0xD9, 0xDA, 0xC2
_ALONE = (0x01, _START, _END)  # markers without a length
_FRAME_HEAD, _ONE_COMPONENT = 6, 6  # bytes: a frame's without its components, a scan's of one component
_PRECISION, _BLOCK = 8, 8
_COARSE = 4
"""The scale from which on scans are left out: blocks of 8 x 8 pixels become such of 2 x 2, or 1."""
_SHOWN, _ALL = {1: 0, 2: 4, 4: 24}, 63
"""The last coefficient that shows, in zigzag order, of a block of which so many pixels a side are left."""
_LEAST_BITS = 2
"""How many of the lowest bits of a coefficient may be left out: 2, as encoders put them into scans of their own."""


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
    transparent becomes white. Raises an `ImageError`; that of too many pixels before any is decoded.
    """
    return Photo(source.read(), width=width, height=height, max_pixels=max_pixels).prepare()


class Photo:
    """An image file of which only the header has been read; `prepare` in two steps, for who must mind the memory.

    Raises an `ImageError` as `prepare` does, if that can be told by the header.
    """

    def __init__(self, content: bytes, *, width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
        self._size = (width, height)
        # By either side: which of them is the width is known only once the image is upright.
        self._covering = max(width, height)
        several_scans = False
        if content.startswith(_JPEG):
            content, several_scans = _without_fine_scans(content, self._covering)
        self._image = _open(content)
        _check_pixels(self._image, max_pixels)
        self.memory = _decoding_memory(self._image, several_scans)
        """About the bytes that `prepare` takes for a moment."""
        if self.memory > max_pixels * _BYTES_OF_PIXEL:
            self.close()
            raise TooManyPixelsError(
                f"the image has {self._image.width} x {self._image.height} pixels, too many for a progressive JPEG"
            )

    def close(self) -> None:
        """Let go of the file, if it is not to be prepared."""
        self._image.close()

    def prepare(self) -> Image.Image:
        """The image as RGB of the size; only once."""
        with self._image as image:
            try:
                image.draft(None, (self._covering, self._covering))
                image.load()
                ImageOps.exif_transpose(image, in_place=True)
                fitted = ImageOps.fit(_resizable(image), self._size, Image.Resampling.BICUBIC)
            except Exception as error:  # on damaged files the decoders raise whatever comes
                raise CorruptImageError(f"the image can't be decoded: {error}") from error
        return _opaque(fitted)


class _Segment(NamedTuple):
    """A part of a JPEG file, from what is before its marker to the end of its content, which for a scan is its data."""

    marker: int
    content: bytes
    start: int
    end: int


def _segments(jpeg: bytes) -> Iterator[_Segment]:
    """The segments of the first picture in a JPEG file, found as libjpeg finds them: what is no marker is skipped."""
    end = 0
    while found := _MARKER.search(jpeg, end):
        start, end, marker, content = end, found.end(), found[1][0], b""
        if marker not in _ALONE:
            head = end + 2
            end += int.from_bytes(jpeg[end:head])
            content = jpeg[head:end]
        if marker == _SCAN:
            following = _MARKER.search(jpeg, end)
            end = following.start() if following else len(jpeg)
        yield _Segment(marker, content, start, end)
        if marker == _END:
            return


def _without_fine_scans(jpeg: bytes, covering: int) -> tuple[bytes, bool]:
    """The same picture less the scans of a progressive JPEG that hardly show once it is scaled down to `covering`.

    A file that is cut off, needs all its scans, or is coded as nobody does, is returned as it is. Tells besides whether
    there are several scans, for which a decoder keeps the coefficients of the whole picture.
    """
    shown: dict[int, int] = {}
    kept: list[bytes] = []
    scans = 0
    for number, segment in enumerate(_segments(jpeg)):
        scans += segment.marker == _SCAN
        if scans > MAX_SCANS or number > MAX_SEGMENTS:
            raise CorruptImageError("the image can't be decoded: it is a JPEG of too many scans or segments")
        if segment.marker == _PROGRESSIVE:
            shown = _shown_coefficients(segment.content, covering)
        if segment.marker == _END:
            return b"".join((*kept, jpeg[segment.start : segment.end])) if shown else jpeg, scans > 1
        if segment.marker == _SCAN and shown and len(segment.content) == _ONE_COMPONENT:
            _, component, _, first, _, bits = segment.content
            if first and (bits >> 4 or first > shown.get(component, _ALL)):
                continue
            if bits & 15 > _LEAST_BITS:
                return jpeg, True
        kept.append(jpeg[segment.start : segment.end])
    return jpeg, scans > 1


def _shown_coefficients(frame: bytes, covering: int) -> dict[int, int]:
    """The last coefficient of a block, in zigzag order, that shows, by component; empty where all scans are needed."""
    if len(frame) < _FRAME_HEAD or len(frame) != _FRAME_HEAD + 3 * frame[5]:
        return {}
    precision, height, width = struct.unpack_from(">BHH", frame)
    scale = min(width, height) // covering
    sampling = {frame[at]: max(frame[at + 1] >> 4, frame[at + 1] & 15, 1) for at in range(_FRAME_HEAD, len(frame), 3)}
    if precision != _PRECISION or scale < _COARSE or not sampling:
        return {}
    side = 1 if scale >= _BLOCK else _BLOCK // _COARSE
    # libjpeg scales what is stored at half the size by half as much.
    return {name: _SHOWN.get(side * (max(sampling.values()) // own), _ALL) for name, own in sampling.items()}


def _open(content: bytes) -> Image.Image:
    """The image, of which only the header has been read."""
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError(f"the image has too many pixels: {error}") from error
    except UnidentifiedImageError as error:
        if content.startswith(_SIGNATURES) or (content[:4], content[8:12]) == (b"RIFF", b"WEBP"):
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


def _decoding_memory(image: Image.Image, several_scans: bool) -> int:
    """Bytes; a JPEG of one scan is decoded line by line and at a fraction of its size."""
    pixels = image.width * image.height
    if not isinstance(image, JpegImageFile):
        return pixels * _BYTES_OF_PIXEL
    if not several_scans:
        return pixels
    finest = max(across * down for _, across, down, _ in image.layer)
    if not finest:
        raise CorruptImageError("the image can't be decoded: its components have no samples")
    return pixels * 2 * sum(across * down for _, across, down, _ in image.layer) // finest


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
