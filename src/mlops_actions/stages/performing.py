"""Does the steps of a stage in order, keeps how far it has come, and cleans up whatever happens."""

from __future__ import annotations

import time
from collections.abc import Sequence

from mlops_actions import cli
from mlops_actions.azure import SignIn
from mlops_actions.interruption import interruptible
from mlops_actions.stages.presentation import Narrator
from mlops_actions.stages.record import Record, Status
from mlops_actions.stages.steps import Inputs, Outputs, Stage, Step

_AZURE = "sign_in"


def perform(
    stage: Stage, record: Record, inputs: Inputs, sign_in: SignIn, *, todo: Sequence[str], narrator: Narrator
) -> bool:
    """Do the steps of these names, and those that clean up after them; whether all went well."""
    well = True
    for step in stage.steps:
        if step.name not in todo:
            narrator.passed(step, record.steps.get(step.name))
        elif not (well or step.cleans_up):
            narrator.skipped(step, "a step before it failed")
        elif not step.is_wanted(inputs):
            record.note(step.name, "skipped")
            narrator.skipped(step, "the inputs do not ask for it")
        elif step.cleans_up and step.name != todo[0] and not _is_begun(step, record):
            narrator.skipped(step, f"{step.cleans_up} was not done")
        elif why := step.unless(_outputs(record)):
            narrator.skipped(step, why)
        else:
            well = _done(step, record, inputs, sign_in, narrator) and well
    return well


def _is_begun(step: Step, record: Record) -> bool:
    """Whether what the step cleans up may be there; after a first attempt it may, whatever the record has."""
    return record.attempt > 1 or record.status(step.cleans_up) not in (None, "skipped")


def _outputs(record: Record) -> Outputs:
    return {name: known.outputs for name, known in record.steps.items()}


def _done(step: Step, record: Record, inputs: Inputs, sign_in: SignIn, narrator: Narrator) -> bool:
    """Do one step; whether it went well. What went wrong is told."""
    narrator.begins(step)
    function = cli.action_function(step.action)
    arguments = step.arguments(inputs, _outputs(record))
    if _AZURE in function.__annotations__:
        arguments[_AZURE] = sign_in
    record.note(step.name, "running")
    began = time.monotonic()
    try:
        with interruptible():
            found = cli.outputs_of(function(**arguments))
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - what comes must not keep the cleaning up from being done
        status: Status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        partial = getattr(error, "outputs", None)
        record.note(step.name, status, cli.outputs_of(partial) if partial else None, time.monotonic() - began)
        cli.fail(step.action, error)
        narrator.failed(step, status)
        return False
    record.note(step.name, "done", found, time.monotonic() - began)
    narrator.done(step, record.steps[step.name])
    return True
