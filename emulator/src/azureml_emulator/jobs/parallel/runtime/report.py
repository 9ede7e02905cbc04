"""What a parallel run tells: its progress in the job's log, and its errors in `logs/user/error`.

The names of the files are Azure's ("Troubleshooting the ParallelRunStep", section on logs).
"""

from __future__ import annotations

import time
from pathlib import Path

OVERVIEW = Path("logs") / "job_progress_overview.txt"
RESULT = Path("logs") / "job_result.txt"
ERRORS = Path("logs") / "user" / "error"
SUMMARY = Path("logs") / "user" / "error.txt"

_SECONDS_BETWEEN = 5.0
_SHOWN = 5  # Errors in the job's log, in full.
_KEPT = 1000  # Errors in files: a run over many files may have as many.
_LONGEST = 20_000


class Report:
    """Tells of one run. What goes to the job's log is printed."""

    def __init__(self) -> None:
        ERRORS.mkdir(parents=True, exist_ok=True)
        self._told = time.monotonic()
        self._errors = 0
        self.last_error = ""

    def say(self, text: str) -> None:
        """A line for the job's log and the overview."""
        print(text, flush=True)  # noqa: T201
        with OVERVIEW.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime())} {text}\n")

    def progress(self, text: str) -> None:
        """A line now and then."""
        now = time.monotonic()
        if now - self._told >= _SECONDS_BETWEEN:
            self._told = now
            self.say(f"Progress: {text}")

    def error(self, what: str, details: str, *, node: str, process: str) -> None:
        """An error of a mini batch or of a worker; `details` is a traceback, or nothing."""
        details = details[-_LONGEST:].rstrip()
        self._errors += 1
        self.last_error = f"{what}: {details.splitlines()[-1].strip()}" if details else what
        if self._errors <= _SHOWN:
            print(f"{what}\n{details}" if details else what, flush=True)  # noqa: T201
        if self._errors <= _KEPT:
            file = ERRORS / node / f"{process}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as full, SUMMARY.open("a", encoding="utf-8") as short:
                full.write(f"{what}\n{details}\n\n")
                short.write(f"{self.last_error}\n")

    def result(self, text: str) -> None:
        """How the run ended."""
        if self._errors > _SHOWN:
            self.say(
                f"{self._errors} errors in all; the first {min(self._errors, _KEPT)} are in {SUMMARY} and {ERRORS}"
            )
        RESULT.write_text(text + "\n", encoding="utf-8")
        self.say(text)
