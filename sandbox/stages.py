"""The stages of a long job: shown live on a terminal, as plain lines in a log, and kept for the report."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

Status = Literal["done", "failed"]


@dataclass(frozen=True)
class Stage:
    """One finished stage; `seconds` is wall-clock time."""

    name: str
    seconds: float
    status: Status


@dataclass
class Stages:
    """Stages that may run side by side, from several threads."""

    console: Console
    finished: list[Stage] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _progress: Progress | None = None

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show a line for each stage that runs, with its time, as long as the terminal can."""
        if not self.console.is_terminal:
            yield
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as self._progress:
            yield
        self._progress = None

    def say(self, line: str) -> None:
        """A line of its own, above the running stages."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside and call it `name`; an exception marks it failed and goes on its way."""
        began, task = time.monotonic(), self.begin(name)
        status: Status = "failed"
        try:
            yield
            status = "done"
        finally:
            self.end(task)
            self.add(Stage(name, round(time.monotonic() - began, 1), status))

    def add(self, stage: Stage) -> None:
        """Take in a stage that was timed elsewhere."""
        with self._lock:
            self.finished.append(stage)
        mark = "[green]✓[/]" if stage.status == "done" else "[red]✗[/]"
        self.console.print(f"{mark} {stage.name:<44} {stage.seconds:7.1f} s", highlight=False)

    def table(self) -> Table:
        """All finished stages and their durations."""
        table = Table("stage", "seconds", "status")
        table.columns[1].justify = "right"
        for stage in self.finished:
            table.add_row(stage.name, f"{stage.seconds:.1f}", stage.status)
        return table

    def begin(self, name: str) -> TaskID | None:
        """Show that something runs; the answer is for `end`."""
        if self._progress is None:
            self.say(f"… {name}")
            return None
        return self._progress.add_task(name, total=None)

    def end(self, task: TaskID | None) -> None:
        """Show it no longer."""
        if self._progress is not None and task is not None:
            self._progress.remove_task(task)
