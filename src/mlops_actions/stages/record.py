"""How far a stage has come: a file in the repository's ignored folder `.mlops`, so that it can go on where it ended."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlops_actions.errors import ActionError

FOLDER = Path(".mlops")
Status = Literal["running", "done", "failed", "interrupted", "skipped"]


@dataclass
class StepRecord:
    """How a step ended, or that it has begun, with its outputs as far as they are known."""

    status: Status
    outputs: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class Record:
    """A run of a stage: its inputs and where it takes place, no secret, its attempts, its job's name, and its steps."""

    stage: str
    inputs: dict[str, Any]
    place: dict[str, str] = field(default_factory=dict)
    attempt: int = 1
    job_name: str = ""
    steps: dict[str, StepRecord] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return path_of(self.stage)

    def status(self, step: str) -> Status | None:
        """How a step ended; None if it has not begun."""
        known = self.steps.get(step)
        return known.status if known else None

    def ended_in(self) -> str | None:
        """The step in which the run was killed, if it was: nobody told how that one ended."""
        return next((name for name, step in self.steps.items() if step.status == "running"), None)

    def note(self, step: str, status: Status, outputs: Mapping[str, str] | None = None, seconds: float = 0.0) -> None:
        """Keep how a step ended, or that it begins: at once, as the next moment may be the last."""
        self.steps[step] = StepRecord(status, dict(outputs or {}), round(seconds, 1))
        self.save()

    def save(self) -> None:
        """Write it: whole or not at all."""
        _folder()
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        new.replace(self.file)


def path_of(stage: str) -> Path:
    """The file that a stage's run is kept in."""
    return FOLDER / f"{stage}.json"


def read(stage: str) -> Record | None:
    """The last run of a stage; None if there was none. Raises ActionError if its file is no such file."""
    file = path_of(stage)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        steps = {name: StepRecord(**step) for name, step in document.pop("steps").items()}
        return Record(**document, steps=steps)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        text = f"{file} is not what `mlops run {stage}` writes ({type(error).__name__}): remove it, and begin anew"
        raise ActionError(text, file=str(file)) from None


@contextmanager
def alone(stage: str) -> Iterator[None]:
    """Keep a second run of the stage in this folder away. Raises ActionError if this is the second."""
    _folder()
    with (FOLDER / f"{stage}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            told = f"process {lock.read().strip()} runs {stage} in this folder already"
            raise ActionError(f"{told}: wait for its end, or end it (kill -INT)") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _folder() -> None:
    FOLDER.mkdir(exist_ok=True)
    ignore = FOLDER / ".gitignore"
    if not ignore.exists():  # in any repository, whatever it ignores itself
        ignore.write_text("*\n", encoding="utf-8")
