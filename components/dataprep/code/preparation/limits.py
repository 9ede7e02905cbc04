"""What one photo may cost before it is given up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one photo.

    Attributes:
        bytes: size of its file.
        seconds: to read, decode and store it; whole seconds or parts of them.
        memory: bytes that its worker process may allocate.

    """

    bytes: int = 64 << 20
    seconds: float = 60.0
    memory: int = 1 << 30
