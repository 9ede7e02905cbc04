"""One photo: from its file to a PNG that is named after the file's content."""

from __future__ import annotations

import errno
import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from preprocessing import ImageError, prepare

from .limits import Limits

PART = ".part"
"""How the name of a file ends that is still being written."""

# Runs are all that is worth looking for in a small photo: 60 % of the time of zlib's default, within 1 % of its size.
_PNG = {"compress_level": 1, "compress_type": zlib.Z_RLE}
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Order:
    """What is made of every photo.

    Attributes:
        folder: where the prepared photos go.
        width: of a prepared photo, in pixels.
        height: the same.
        mark: in the names of files that are still being written, so that their leftovers can be told from others'.
        limits: what a photo may cost.

    """

    folder: str
    width: int
    height: int
    mark: str
    limits: Limits


@dataclass(frozen=True)
class Outcome:
    """What has become of a photo.

    Attributes:
        name: of its file, relative to the folder of photos.
        digest: SHA-256 of the file's content in hexadecimal digits; None if it has not been read.
        reason: why it was left out; None if it was prepared.

    """

    name: str
    digest: str | None
    reason: str | None


def file_name(digest: str) -> str:
    """The name of the prepared photo: one for all files of that content, so that equal ones become one."""
    return f"{digest[:32]}.png"


def prepare_photo(path: str, order: Order) -> tuple[str | None, str | None]:
    """Prepare one photo; its digest, and why it was left out. Raises OSError if the result can't be written."""
    digest = None
    try:
        with Path(path).open("rb") as source:
            if reason := _too_large(source, order.limits):
                return None, reason
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            source.seek(0)
            image = prepare(source, width=order.width, height=order.height)
    except ImageError as error:
        return digest, _reason(error, order.limits)
    except OSError as error:
        return digest, f"the file can't be read: {error.strerror}"
    target = Path(order.folder) / file_name(digest)
    part = target.with_name(f".{target.stem}.{order.mark}.{os.getpid()}{PART}")
    image.save(part, "PNG", **_PNG)
    part.replace(target)
    return digest, None


def _too_large(source: BinaryIO, limits: Limits) -> str | None:
    size = os.fstat(source.fileno()).st_size
    return f"the file has {size:,} bytes; at most {limits.bytes:,} are read" if size > limits.bytes else None


def _reason(error: ImageError, limits: Limits) -> str:
    cause = error.__cause__
    if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno == errno.ENOMEM):
        return f"decoding it takes more than {limits.memory >> 20:,} MiB of memory"
    return " ".join(str(error).split())[:_LONGEST_REASON]
