"""What is asked of the workers: what to make of every photo, and what one may cost before it is given up."""

from __future__ import annotations

from dataclasses import dataclass

PART = ".part"
"""How the name of a file ends that is still being written."""


@dataclass(frozen=True)
class Limits:
    """What one photo may cost.

    Attributes:
        bytes: size of its file.
        seconds: to read, decode and store it; whole ones or parts of them.
        memory: bytes that its worker process may allocate.

    """

    bytes: int = 64 << 20
    seconds: float = 60.0
    memory: int = 1 << 30


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
