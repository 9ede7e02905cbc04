"""The log of a run, readable in the workspace's storage while the run goes on."""

from __future__ import annotations

import datetime as dt
import threading
import time

from ...blobs import Blobs, Place

STD_LOG = "user_logs/std_log.txt"
EXECUTION_LOG = "logs/azureml/executionlogs.txt"

_FLUSH_SECONDS = 0.3
# An append blob takes 50,000 blocks: the longer a job runs, the rarer its log is written, and a week still fits.
_SLOWER_BY = 1 / 2000
_BLOCK_BYTES = 4 << 20
"""Also the longest line that is waited for: what is printed without an end must not fill the memory."""


def artifact(run: str, name: str) -> Place:
    """Where the run's artifact `name` is kept: logs, and what the run wrote to `./outputs`."""
    return Place("azureml", f"ExperimentRun/dcid.{run}/{name}")


class RunLog:
    """One log file, an append blob. Only whole lines are written: clients count lines to know where they are.

    Of a line that is longer than a block of storage, parts are written.
    """

    def __init__(self, blobs: Blobs, run: str, name: str = STD_LOG) -> None:
        place = artifact(run, name)
        self._blob = blobs.container(place.container).get_blob_client(place.prefix)
        self._blob.create_append_blob()
        self._lock = threading.Lock()
        self._pending = bytearray()
        self._began = self._flushed = time.monotonic()

    def write(self, data: bytes) -> None:
        """Add output; call it now and then with nothing, so that what is pending gets written."""
        with self._lock:
            self._pending += data
            now = time.monotonic()
            full = len(self._pending) >= _BLOCK_BYTES
            if full or now - self._flushed >= _FLUSH_SECONDS + (now - self._began) * _SLOWER_BY:
                whole = self._pending.rfind(b"\n") + 1
                self._flush(whole or (len(self._pending) if full else 0))

    def line(self, text: str) -> None:
        """Add a line of the emulator's own, and write it at once."""
        with self._lock:
            self._pending += text.encode() + b"\n"
            self._flush(len(self._pending))

    def stamped(self, text: str) -> None:
        """Add a line that begins with the time, as in a pipeline's log."""
        self.line(f"[{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%SZ}] {text}")

    def close(self) -> None:
        """Write what is left."""
        with self._lock:
            self._flush(len(self._pending))

    def _flush(self, count: int) -> None:
        data = bytes(self._pending[:count])
        del self._pending[:count]
        self._flushed = time.monotonic()
        for start in range(0, len(data), _BLOCK_BYTES):
            self._blob.append_block(data[start : start + _BLOCK_BYTES])
