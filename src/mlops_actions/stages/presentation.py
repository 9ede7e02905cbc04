"""Tells how a stage goes: headings on a terminal, plain lines in a log."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from mlops_actions.stages.record import Record, StepRecord
from mlops_actions.stages.steps import Stage, Step

_STYLES = {"done": "green", "failed": "bold red", "interrupted": "bold red", "running": "yellow", "skipped": "dim"}


class Narrator:
    """Tells of the steps of one stage."""

    def __init__(self, stage: Stage, console: Console) -> None:
        self._stage = stage
        self._console = console

    def begins(self, step: Step) -> None:
        """A heading for what the step itself says."""
        self._say(f"== {self._place(step)} {step.title} ({step.action})", "bold")

    def done(self, step: Step, known: StepRecord) -> None:
        """The step went well."""
        self._say(f"{step.name}: done in {known.seconds:g} s{_shown(known)}", "green")

    def failed(self, step: Step, how: str) -> None:
        """The step did not, as the error before has it."""
        self._say(f"{step.name}: {how}", "bold red")
        if step.cleans_up:
            again = f"mlops run {self._stage.name} --only={step.name}"
            self._say(f"what {step.cleans_up} began may go on, and cost: {again}", "bold red")

    def passed(self, step: Step, known: StepRecord | None) -> None:
        """The step is not done now."""
        if known is None:
            self._say(f"== {self._place(step)} {step.title}: left out", "dim")
        else:
            self._say(f"== {self._place(step)} {step.title}: {known.status} before{_shown(known)}", "dim")

    def skipped(self, step: Step, why: str) -> None:
        """The step is not done as the workflow would not do it."""
        self._say(f"== {self._place(step)} {step.title}: skipped, as {why}", "dim")

    def note(self, text: str) -> None:
        """Something to know."""
        self._say(text, "yellow")

    def listing(self, record: Record | None) -> None:
        """All steps, and how far the last run has come in them."""
        for step in self._stage.steps:
            known = record.steps.get(step.name) if record else None
            status: str = known.status if known else "to do"
            if known and known.status == "running":
                status = "begun, and not ended"
            line = f"{step.name:10} {step.action:17} {status}{_shown(known) if known else ''}"
            self._say(line, _STYLES.get(known.status if known else "", ""))
        if record is not None and record.job_name:
            self._say(f"job {record.job_name}, attempt {record.attempt}, kept in {record.file}", "dim")

    def _place(self, step: Step) -> str:
        return f"{self._stage.steps.index(step) + 1}/{len(self._stage.steps)}"

    def _say(self, text: str, style: str) -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)


def _shown(known: StepRecord) -> str:
    given = {name: value for name, value in known.outputs.items() if value not in ("", "[]", "{}")}
    return f": {', '.join(f'{name}={_short(value)}' for name, value in given.items())}" if given else ""


def _short(value: str, most: int = 100) -> str:
    return value if len(value) <= most else f"{value[:most]}…"
