from __future__ import annotations

import io
from pathlib import Path

import pytest
from animal_classifier.preprocessing import CorruptImageError, TooManyPixelsError, UnsupportedFormatError, prepare
from PIL import Image, ImageChops

from .pictures import bomb, encode, plain, textured

GOLDEN = Path(__file__).parent / "golden"


def prepared(content: bytes, width: int = 64, height: int = 64, **options: int) -> Image.Image:
    return prepare(io.BytesIO(content), width=width, height=height, **options)


@pytest.mark.parametrize(
    "photo", sorted(GOLDEN.glob("*.jpg")) + sorted(GOLDEN.glob("*.webp")), ids=lambda path: path.name
)
def test_prepares_to_the_bit_as_ever(photo: Path) -> None:
    """The models of yesterday were trained on what this function made of photos then."""
    with Image.open(photo.with_suffix(".prepared.png")) as expected:
        image = prepared(photo.read_bytes())
        assert image.mode == expected.mode == "RGB"
        assert image.tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("size", [(64, 64), (120, 80), (80, 120), (1000, 700), (20, 10), (1, 1)])
def test_what_has_been_prepared_stays_as_it_is(kind: str, size: tuple[int, int]) -> None:
    once = prepared(encode(textured(size), kind))
    assert once.size == (64, 64)
    twice = prepared(encode(once, "PNG"))
    assert twice.tobytes() == once.tobytes()


def test_width_and_height() -> None:
    assert prepared(encode(textured(), "PNG"), width=30, height=20).size == (30, 20)


def test_keeps_the_middle_of_a_long_image() -> None:
    image = plain("cats", (300, 100))
    image.paste((0, 0, 255), (100, 0, 200, 100))
    assert set(prepared(encode(image, "PNG"), 50, 50).crop((2, 0, 48, 50)).get_flattened_data()) == {(0, 0, 255)}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_photos_upright(orientation: int) -> None:
    upright = textured((120, 80))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert prepared(encode(stored, "PNG", exif=exif)).tobytes() == prepared(encode(upright, "PNG")).tobytes()


def test_transparent_becomes_white() -> None:
    image = plain("cats").convert("RGBA")
    image.putalpha(0)
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True}), ("GIF", {})):
        assert prepared(encode(image, kind, **options)).getextrema() == ((255, 255),) * 3, kind
    palette = Image.new("P", (10, 10), 0)
    palette.putpalette([200, 0, 0])
    assert prepared(encode(palette, "PNG", transparency=0)).getextrema() == ((255, 255),) * 3


def test_sixteen_bits_are_scaled() -> None:
    image = Image.new("I;16", (10, 10), 65_535 // 2)
    assert prepared(encode(image, "PNG")).getextrema() == ((127, 127),) * 3


def test_a_large_jpeg_looks_as_a_large_png() -> None:
    """A JPEG is decoded at a fraction of its size; that must not be seen."""
    image = textured((3000, 2000))
    difference = ImageChops.difference(prepared(encode(image, "JPEG", quality=95)), prepared(encode(image, "PNG")))
    assert max(high for _, high in difference.getextrema()) <= 6


def test_refusals() -> None:
    with pytest.raises(TooManyPixelsError, match=r"9000 x 9000 pixels; at most 16,000,000 are allowed for PNG"):
        prepared(bomb(9000, 9000))
    with pytest.raises(TooManyPixelsError, match="too many pixels"):
        prepared(bomb(60_000, 60_000))
    with pytest.raises(TooManyPixelsError, match="120 x 80 pixels; at most 9,599 are allowed for PNG"):
        prepared(encode(textured(), "PNG"), max_pixels=120 * 80 - 1)
    with pytest.raises(TooManyPixelsError, match="120 x 80 pixels; at most 9,596 are allowed for JPEG"):
        prepared(encode(textured(), "JPEG"), max_pixels=120 * 80 // 4 - 1)
    with pytest.raises(UnsupportedFormatError, match="not a JPEG, PNG, WEBP or GIF image"):
        prepared(b"text")
    with pytest.raises(CorruptImageError, match="can't be decoded"):
        prepared(encode(textured(), "JPEG")[:-300])
