"""The end of a step that its runner cancels."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM, with which runners end a step, end the block with KeyboardInterrupt(signal's name)."""
    if threading.current_thread() is not threading.main_thread():  # where signals do not arrive
        yield
        return

    def interrupted(number: int, _: FrameType | None) -> None:
        # The one is soon followed by the other: neither may end what is done about the first.
        for signal_number in _SIGNALS:
            signal.signal(signal_number, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)

    former = {number: signal.signal(number, interrupted) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
