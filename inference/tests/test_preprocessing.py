from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from animal_classifier.preprocessing import (
    MAX_SCANS,
    MAX_SEGMENTS,
    CorruptImageError,
    Photo,
    TooManyPixelsError,
    UnsupportedFormatError,
    prepare,
)
from PIL import Image, ImageChops, ImageStat

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


def scans(jpeg: bytes) -> list[tuple[int, int]]:
    """Where the scans of a JPEG begin and end."""
    starts = [found.start() for found in re.finditer(rb"\xff\xda", jpeg)]
    ends = [re.compile(rb"\xff[\xc4\xda\xd9]").search(jpeg, start + 2) for start in starts]
    return [(start, end.start()) for start, end in zip(starts, ends, strict=True) if end]


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("size", [(500, 375), (375, 560), (255, 300)])
def test_a_progressive_photo_looks_as_a_baseline_one(size: tuple[int, int], subsampling: str, mode: str) -> None:
    image = textured(size).convert(mode)
    one, other = (
        prepared(encode(image, "JPEG", quality=90, subsampling=subsampling, progressive=progressive))
        for progressive in (False, True)
    )
    difference = ImageStat.Stat(ImageChops.difference(one, other))
    assert max(difference.mean) <= 1
    assert max(high for _, high in difference.extrema) <= 16


def test_fine_scans_of_a_progressive_photo_are_not_decoded() -> None:
    """Of the ten scans that libjpeg writes: the higher frequencies of the brightness, and the lowest bits of all."""
    photo = (GOLDEN / "progressive.jpg").read_bytes()

    def without_any(size: int) -> list[bool]:
        """For each scan whether the prepared image stays as it is though the scan's data are zeros."""
        expected = prepared(photo, size, size).tobytes()
        zeroed = (
            photo[: start + 20] + bytes(end - start - 20) + photo[end:]
            for start, end in scans(photo)
            if end - start > 20
        )
        return [prepared(damaged, size, size).tobytes() == expected for damaged in zeroed]

    assert without_any(64) == [False, False, False, False, True, True, False, True, True, True]
    assert not any(without_any(128))


@pytest.mark.parametrize("cut", [2, 100, 1000, 5000, 10_000])
def test_a_truncated_progressive_photo_is_refused(cut: int) -> None:
    with pytest.raises(CorruptImageError, match="truncated"):
        prepared(encode(textured((500, 375)), "JPEG", progressive=True, quality=95)[:-cut])


def test_what_lies_around_the_picture_in_a_jpeg_does_not_matter() -> None:
    photo = encode(textured((500, 375)), "JPEG", progressive=True)
    expected = prepared(photo).tobytes()
    assert prepared(photo + b"\xff\xd8 more \xff\xda" * 200).tobytes() == expected
    assert prepared(photo.replace(b"\xff\xda", b"\xff\xff\xff\xda")).tobytes() == expected
    comment = b"\xff\xfe" + (6).to_bytes(2) + b"\xff\xda\xff\xd9"
    assert prepared(photo[:2] + comment + photo[2:]).tobytes() == expected


def test_several_pictures_in_one_jpeg() -> None:
    image = textured((500, 375))
    both = encode(image, "MPO", save_all=True, append_images=[plain("cats", (500, 375))], progressive=True)
    assert prepared(both).tobytes() == prepared(encode(image, "JPEG", progressive=True)).tobytes()


def test_a_jpeg_of_endless_scans_or_segments_is_refused_before_it_is_decoded() -> None:
    photo = encode(textured((500, 375)), "JPEG", progressive=True)
    start, end = scans(photo)[-1]
    with pytest.raises(CorruptImageError, match="too many scans"):
        prepared(photo[:end] + photo[start:end] * MAX_SCANS + photo[end:])
    with pytest.raises(CorruptImageError, match="too many scans"):
        prepared(photo[:end] + photo[start:end] * MAX_SCANS)  # cut off
    with pytest.raises(CorruptImageError, match="segments"):
        prepared(photo[:2] + b"\xff\xfe\x00\x02" * MAX_SEGMENTS + photo[2:])


def test_memory_is_told_before_it_is_taken() -> None:
    """4:4:4 keeps two bytes of each of three components of a pixel, 4:2:0 half as many."""
    image = textured((1000, 700))

    def memory(kind: str, **options: object) -> float:
        photo = Photo(encode(image, kind, **options), width=64, height=64)
        photo.prepare()
        return photo.memory / (1000 * 700)

    assert memory("JPEG") == 1
    assert memory("JPEG", progressive=True, subsampling="4:4:4") == 6
    assert memory("JPEG", progressive=True, subsampling="4:2:0") == 3
    assert memory("PNG") == memory("WEBP") == memory("GIF") == 16
    # Four times as many pixels are allowed of a JPEG, but not four times the memory of its coefficients.
    options = {"quality": 50, "subsampling": "4:4:4"}
    large = textured((1000, 1000)).resize((2000, 2000))
    prepared(encode(large, "JPEG", **options), max_pixels=1_000_000)
    with pytest.raises(TooManyPixelsError, match="2000 x 2000 pixels, too many for a progressive JPEG"):
        prepared(encode(large, "JPEG", progressive=True, **options), max_pixels=1_000_000)
    prepared(encode(large, "JPEG", progressive=True, quality=50, subsampling="4:2:0"), max_pixels=1_000_000)


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
