"""The one thread that decodes and classifies photos."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class Worker:
    """Runs one job after the other off the event loop, so that probes are answered meanwhile and memory is bounded."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")
        self._busy_since: float | None = None

    async def run(self, job: Callable[[], Result]) -> Result:
        """The job's result, once it is its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._timed, job)

    @property
    def busy_for(self) -> float:
        """Seconds that the job in hand has taken so far."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def close(self) -> None:
        """Finish what was begun, and end the thread."""
        self._executor.shutdown()

    def _timed(self, job: Callable[[], Result]) -> Result:
        self._busy_since = time.monotonic()
        try:
            return job()
        finally:
            self._busy_since = None
