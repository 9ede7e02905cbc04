"""A sweep's own log, in the format of Azure's hyperparameter service."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from ...context import Context
from ..process.logs import RunLog

NAME = "azureml-logs/hyperdrive.txt"
"""Where azure-ai-ml looks for what it streams of a sweep."""

Part = Literal["API", "GENERATOR", "SCHEDULER", "ENFORCER", "CONTROLLER"]


class SweepLog:
    """The log of a sweep's run: a line begins with the time, the part of the service that speaks, and a level."""

    def __init__(self, context: Context, run: str) -> None:
        self._written = RunLog(context.blobs, run, NAME)

    def say(self, part: Part, text: str, level: Literal["INFO", "WARNING", "ERROR"] = "INFO") -> None:
        """Add a line."""
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        self._written.line(f"[{now}][{part}][{level}]{text}")

    def close(self) -> None:
        """Write what is left."""
        self._written.close()
