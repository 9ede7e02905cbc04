"""Has the C library give large blocks of memory back to the system as soon as they are freed."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGE = 4 * 2**20
_KEPT = 4 * 2**20


def give_back_large_blocks() -> None:
    """Map each block of 4 MiB or more by itself, and keep some free memory for the smaller ones; for the whole process.

    Left to itself, glibc raises that bound to the size of whatever has been freed, up to 32 MiB, and from then on keeps
    the holes that photos leave between longer-lived blocks: mallopt(3), M_MMAP_THRESHOLD. Other C libraries do without.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        # With a bound of its own, the other stays at 128 KiB: each photo would take and give back its pages.
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
