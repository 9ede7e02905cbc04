"""Has the C library give large blocks of memory back to the system as soon as they are freed."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE = 2**20


def give_back_large_blocks() -> None:
    """Map each block of a MiB or more by itself; for the whole process.

    Left to itself, glibc raises that bound to the size of whatever has been freed, up to 32 MiB, and from then on keeps
    the holes that photos leave between longer-lived blocks: mallopt(3), M_MMAP_THRESHOLD. Other C libraries do without.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
