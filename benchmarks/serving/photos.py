"""The photos that all servers get, as forms that a browser would send."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sandbox.animals import draw_animal
from sandbox.animals.species import SPECIES

from ..report import ROOT

REAL = ROOT.parent / "shared" / "animals"
COUNT = 120
FIELD = "file"
_SEED = 6
"""Of drawn photos."""
_DRAWN_SIZE = (500, 375)
_BOUNDARY = "----benchmark6f1d2c"


@dataclass(frozen=True)
class Forms:
    """Bodies of requests, in files named 0, 1, … of a folder, and the photos in them, likewise."""

    folder: Path
    photos: Path
    count: int
    content_type: str


@dataclass(frozen=True)
class Photos:
    """JPEG files, and what a reader of the figures should know of them."""

    files: list[bytes]
    described: str


def sample(source: Path = REAL, count: int = COUNT) -> Photos:
    """Some of the real photos, always the same ones; drawn ones of 500 x 375 where there are none."""
    known = sorted(source.glob("*/*.jpg"))
    if len(known) >= count:
        # Evenly from all classes, as these differ much in size and kind of JPEG.
        files = [known[number * len(known) // count].read_bytes() for number in range(count)]
        kind = "real photos"
    else:
        files = [_drawn(number) for number in range(count)]
        kind = "drawn photos, as there are no real ones beside this project"
    return Photos(files, f"{count} {kind}: {_described(files)}")


def _drawn(number: int) -> bytes:
    species = sorted(SPECIES)[number % len(SPECIES)]
    with Image.open(io.BytesIO(draw_animal(species, seed=_SEED, number=number))) as image:
        file = io.BytesIO()
        image.resize(_DRAWN_SIZE).save(file, "JPEG", quality=90)
    return file.getvalue()


def _described(files: list[bytes]) -> str:
    """In words: the usual size, the smallest and the largest, and the mean number of bytes."""
    sizes = []
    for content in files:
        with Image.open(io.BytesIO(content)) as image:
            sizes.append(image.size)
    usual = max(set(sizes), key=sizes.count)
    smallest, largest = min(sizes, key=math.prod), max(sizes, key=math.prod)
    named = [f"{width} x {height}" for width, height in (usual, smallest, largest)]
    mean = sum(map(len, files)) / len(files) / 1000
    return f"{sizes.count(usual)} of {named[0]}, the others {named[1]} to {named[2]}, {mean:.0f} kB on average"


def write_forms(photos: Photos, folder: Path) -> Forms:
    """Write each photo, and the same as the body of a form, to folders in `folder`."""
    forms = Forms(folder / "forms", folder / "photos", len(photos.files), f"multipart/form-data; boundary={_BOUNDARY}")
    forms.folder.mkdir(parents=True)
    forms.photos.mkdir()
    for number, content in enumerate(photos.files):
        (forms.folder / str(number)).write_bytes(form(content))
        (forms.photos / str(number)).write_bytes(content)
    return forms


def form(content: bytes) -> bytes:
    """The body of a form with a photo in its field `file`."""
    head = (
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{FIELD}"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
