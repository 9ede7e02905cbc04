"""What running jobs need beside the emulator's context, made once when it starts."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..context import Context
from .environment.service import Environments
from .mlflow.tracking import Tracking
from .runs import Runs
from .stopping import Stop

if TYPE_CHECKING:
    from .assignment import Assignment

Execute = Callable[["Services", "Assignment", Stop], None]
"""Runs a node to its end, and leaves its run Completed, Failed or Canceled."""

_THREADS = 128
"""Waiting costs little: nodes beyond the cores wait for a core, each in its thread."""


@dataclass(frozen=True)
class Services:
    """The emulator's context, and what is made for jobs."""

    context: Context
    runs: Runs
    tracking: Tracking
    environments: Environments
    job_threads: ThreadPoolExecutor
    node_threads: ThreadPoolExecutor
    cores: threading.Semaphore
    execute: Execute
    stops: dict[str, Stop] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def create(cls, context: Context, execute: Execute) -> Services:
        """All of it, nothing started yet; `execute` runs a node, which may have nodes itself."""
        return cls(
            context=context,
            runs=Runs(context.store, context.settings.workspace),
            tracking=Tracking(context),
            environments=Environments(context),
            # Apart from each other: jobs wait for their nodes, which must get a thread however many jobs there are.
            job_threads=ThreadPoolExecutor(_THREADS, thread_name_prefix="job"),
            node_threads=ThreadPoolExecutor(_THREADS, thread_name_prefix="node"),
            cores=threading.Semaphore(os.cpu_count() or 1),
            execute=execute,
        )
