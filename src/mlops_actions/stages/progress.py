"""The flags that say where a stage begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

# A flag that has no --no-… beside it.
Switch = Annotated[bool, Parameter(negative="")]


@dataclass(frozen=True)
class Progress:
    """Where a stage begins: flags that every stage has.

    Attributes:
        resume: go on from the step that the last run ended in, with its inputs and its job
        from_step: go on from this step, whatever became of it
        only: do this step alone, without what cleans up after it
        anew: forget a last run that was killed, and with it the job that it may have left
        list: show the steps and how far the last run has come, and do nothing
        workflow: workflow that calls this one, such as .github/workflows/mlops.yml, to take inputs from that are not
            given; what it makes by expressions is left out, but for ${{ vars.NAME }}, a variable of the environment

    """

    resume: Switch = False
    from_step: str | None = None
    only: str | None = None
    anew: Switch = False
    list: Switch = False
    workflow: Path | None = None


FROM_THE_BEGINNING = Progress()
