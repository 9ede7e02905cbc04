"""Files of other kinds than the service takes, and files that are of two kinds at once."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from functools import cache
from random import Random

from PIL import Image

from .pictures import pictures

_SCRIPT = b"*/=1;alert(document.domain)//"
_PAGE = b"<!doctype html><html><script>alert(document.domain)</script>"
_PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@cache
def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("run.js"), _SCRIPT * 30)
    return file.getvalue()


@cache
def _others() -> tuple[bytes, ...]:
    """Files that are no photo that the service takes."""
    drawn = Image.open(io.BytesIO(pictures()["PNG"][0])).convert("RGB")
    written = []
    for kind in (
        "BMP",
        "TIFF",
        "ICO",
        "PPM",
        "TGA",
        "PCX",
        "SGI",
        "JPEG2000",
        "AVIF",
        "PDF",
        "EPS",
        "DDS",
        "ICNS",
    ):
        file = io.BytesIO()
        drawn.save(file, kind)
        written.append(file.getvalue())
    return (
        *written,
        *(b"", b"\x00", b"\xff", bytes(4000), b"hello", _PAGE, _PDF, _archive(), _SCRIPT),
        b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><svg xmlns='http://www.w3.org/2000/svg'>&e;</svg>",
        json.dumps({"file": [0] * 100}).encode(),
        gzip.compress(pictures()["JPEG"][0], mtime=0),
        gzip.compress(bytes(20_000_000), mtime=0),
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200),
        b"\x00\x00\x00\x20ftypisom" + bytes(200),
        b"\x7fELF\x02\x01\x01" + bytes(57),
        b"MZ" + bytes(200),
        b"8BPS\x00\x01" + bytes(40),
        b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28),
        b"#!/bin/sh\nexit 1\n",
        b"GIF90a" + bytes(100),
        b"\x8aMNG\r\n\x1a\n" + bytes(100),
        b"\xff\x4f\xff\x51" + bytes(100),
    )


def wrong_type(draw: Random) -> bytes:
    """A file of another kind."""
    return draw.choice(_others())


def polyglot(draw: Random) -> bytes:
    """A file that two programs take for two different things."""
    jpeg, png, gif, webp = (draw.choice(pictures()[kind]) for kind in ("JPEG", "PNG", "GIF", "WEBP"))
    comment = b"\xff\xfe" + (len(_PDF) + 2).to_bytes(2, "big") + _PDF
    made = (
        jpeg + _archive(),
        _archive() + jpeg,
        b"GIF89a/*" + gif[8:] + _SCRIPT,
        gif + _SCRIPT,
        png + _PAGE,
        png[:33] + b"\x00\x00\x00\x3ctEXt" + _PAGE + bytes(4) + png[33:],
        jpeg[:2] + comment + jpeg[2:],
        _PDF + jpeg,
        _PAGE + png,
        webp + _archive(),
        webp[:12] + _SCRIPT + webp[12:],
        jpeg + png + gif,
        png[:8] + jpeg,
        b"\xff\xd8\xff" + png,
        b"BM" + jpeg[2:],
        draw.choice(_others())[: draw.randrange(1, 64)] + draw.choice((jpeg, png, gif, webp)),
    )
    return draw.choice(made)
