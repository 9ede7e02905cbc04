"""Why a run ends before it is done, and how its parts learn of it."""

from __future__ import annotations

import threading


class JobFailed(Exception):  # noqa: N818
    """A run cannot complete; `code` is Azure's error code, the text is for the user."""

    def __init__(self, message: str, code: str = "UserError") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class JobCanceled(Exception):  # noqa: N818
    """A run was canceled."""


class Stop:
    """Asks a run to end. `event` is set once it is asked; the first reason counts."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._lock = threading.Lock()
        self._error: JobFailed | None = None

    def cancel(self) -> None:
        """End it as canceled."""
        self._set(None)

    def fail(self, error: JobFailed) -> None:
        """End it as failed."""
        self._set(error)

    def check(self) -> None:
        """Raise JobCanceled or JobFailed if the run has to end."""
        if self.event.is_set():
            raise self.reason()

    def reason(self) -> JobFailed | JobCanceled:
        """What to raise for it."""
        return self._error or JobCanceled()

    def _set(self, error: JobFailed | None) -> None:
        with self._lock:
            if not self.event.is_set():
                self._error = error
                self.event.set()
