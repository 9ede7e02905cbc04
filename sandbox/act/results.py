"""What came of a workflow run: jobs, steps, outputs, summaries, annotations, as act's JSON lines tell it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from sandbox.processes import SandboxError

Outcome = Literal["success", "failure", "skipped"]
Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True)
class Annotation:
    """An `::error::`, `::warning::` or `::notice::` that a step printed."""

    level: Level
    message: str
    file: str | None = None
    line: int | None = None


@dataclass
class Step:
    """A step that began; one that its `if:` skipped does not appear at all.

    `path` is its id, or its index among the job's steps where it has none; a step inside a composite action has the
    path of the calling step in front. `outcome` is None as long as it runs.
    """

    path: tuple[str, ...]
    name: str
    outcome: Outcome | None = None
    seconds: float = 0.0
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    annotations: list[Annotation] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@dataclass
class Job:
    """A job that ran; `name` is act's, the names of the workflows and jobs that lead to it joined by slashes."""

    id: str
    name: str
    result: Outcome | None = None
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    steps: dict[tuple[str, ...], Step] = field(default_factory=dict)

    def step(self, *path: str) -> Step:
        """The step with that id (and, inside composites, the ids that lead to it)."""
        if path not in self.steps:
            known = ", ".join("/".join(p) for p in self.steps) or "none"
            raise SandboxError(f"job {self.name}: step {'/'.join(path)} did not run; these did: {known}")
        return self.steps[path]

    def ran(self, *path: str) -> bool:
        """Whether that step began."""
        return path in self.steps


@dataclass
class WorkflowRun:
    """A finished run. `messages` are act's own, which belong to no job."""

    jobs: dict[str, Job] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    exit_code: int = -1
    seconds: float = 0.0
    cancelled: bool = False
    without_runner: dict[str, str] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Whether act said so and each job did too: act alone also says so of jobs that it left out."""
        return self.exit_code == 0 and bool(self.jobs) and all(job.result == "success" for job in self.jobs.values())

    def job(self, job_id: str) -> Job:
        """The one job with that id (or full name)."""
        found = [job for job in self.jobs.values() if job_id in (job.id, job.name)]
        if len(found) != 1:
            known = ", ".join(self.jobs) or "none"
            raise SandboxError(f"{len(found)} jobs are called {job_id}; these ran: {known}")
        return found[0]

    def ran(self, job_id: str) -> bool:
        """Whether a job with that id (or full name) began."""
        return any(job_id in (job.id, job.name) for job in self.jobs.values())

    def steps(self) -> Iterator[tuple[Job, Step]]:
        """Every step of every job, in the order in which they began."""
        return ((job, step) for job in self.jobs.values() for step in job.steps.values())

    @property
    def annotations(self) -> list[Annotation]:
        """All annotations of all steps."""
        return [annotation for _, step in self.steps() for annotation in step.annotations]

    @property
    def errors(self) -> list[str]:
        """The messages of the `::error::` annotations."""
        return [annotation.message for annotation in self.annotations if annotation.level == "error"]

    @property
    def log(self) -> str:
        """What the steps printed, and act's own messages, to be shown when a run did not do what it should."""
        lines = [f"[{job.name}/{step.name}] {line}" for job, step in self.steps() for line in step.lines]
        return "\n".join([*lines, *self.messages])

    def take(self, line: str) -> tuple[Job, Step | None, str] | None:
        """Take one line of act's output in; the job and the step that it tells of, and its text."""
        try:
            event = json.loads(line)
        except ValueError:
            event = line
        if not isinstance(event, dict):
            self.messages.append(line)
            return None
        if "job" not in event:
            self.messages.append(event.get("msg", line))
            return None
        return self._take_event(event)

    def _take_event(self, event: dict[str, Any]) -> tuple[Job, Step | None, str] | None:
        name, text = event["job"].strip(), event.get("msg", "").rstrip("\n")
        if "Skipping unsupported platform" in text:
            self.without_runner[name] = text.partition("-P ")[2].partition("=")[0]
            return None
        # A job that calls another repository's workflow says that it is fetched, and no more: the jobs of that
        # workflow are the ones that run.
        if not event.keys() & {"stepID", "stepid", "jobResult"}:
            self.messages.append(f"{name}: {text}")
            return None
        if name not in self.jobs:
            self.jobs[name] = Job(event.get("jobID", name), name)
        job = self.jobs[name]
        if "jobResult" in event:
            job.result = event["jobResult"]
            job.seconds = time.monotonic() - job.began
        path = tuple(event.get("stepID") or ())
        if not path or event.get("stage") != "Main":
            return job, None, text
        step = job.steps.setdefault(path, Step(path, event.get("step", "")))
        _update(step, event, text)
        return job, step, text


def _update(step: Step, event: dict[str, Any], text: str) -> None:
    command = event.get("command")
    if command in ("error", "warning", "notice"):
        where = event.get("kvPairs") or {}
        line = int(where["line"]) if where.get("line", "").isdigit() else None
        step.annotations.append(Annotation(cast(Level, command), event.get("arg", ""), where.get("file"), line))
        step.lines.append(text.strip())
    elif command == "set-output":
        step.outputs[event["name"]] = event.get("arg", "")
    elif command == "summary":
        step.summary += event.get("content", "")
    elif event.get("raw_output") or event.get("level") == "error":
        step.lines.append(text)
    if "stepResult" in event:
        step.outcome = event["stepResult"]
        step.seconds = event.get("executionTime", 0) / 1e9
