"""Lines that tell how far long work is, at what rate, and how long it has still to go."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_SECONDS = 5.0


class Progress:
    """Counts photos, and says every few seconds where it is."""

    def __init__(
        self, label: str, total: int, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._label = label
        self._total = total
        self._say = say
        self._clock = clock
        self._done = 0
        self._began = clock()
        self._next = self._began + EVERY_SECONDS

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if (now := self._clock()) >= self._next:
            self._next = now + EVERY_SECONDS
            rate = self._done / (now - self._began)
            left = _duration((self._total - self._done) / rate)
            self._say(f"{self._label}: {self._done:,} of {self._total:,} photos, {rate:,.0f} a second, {left} left")

    def summary(self) -> str:
        """What was done, in which time."""
        seconds = max(self._clock() - self._began, 1e-9)
        return f"{self._done:,} photos in {_duration(seconds)}, {self._done / seconds:,.0f} a second"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
