"""A run of a stage: anew, on from where the last one ended, from a step, or one step alone."""

from __future__ import annotations

import inspect
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from rich.console import Console

from mlops_actions.aml.job import TERMINAL
from mlops_actions.azure import SignIn
from mlops_actions.errors import ActionError
from mlops_actions.resource_names import part_of_job_name
from mlops_actions.stages import record as records
from mlops_actions.stages.given import changed, plain, typed, with_workflow
from mlops_actions.stages.performing import perform
from mlops_actions.stages.presentation import Narrator
from mlops_actions.stages.progress import Progress
from mlops_actions.stages.record import Record
from mlops_actions.stages.steps import Stage, Step

_JOB_NAME = "job_name"
_ENDED = TERMINAL | {"CancelRequested"}
_NAME_ROOM = 200
_SECRET = "azure_credentials"  # noqa: S105 - the name of the input


def run(
    stage: Stage, function: Callable[..., int], given: Mapping[str, Any], progress: Progress, sign_in: SignIn
) -> int:
    """Do the stage with the inputs `given` to its `function`; the exit status. Raises ActionError."""
    narrator = Narrator(stage, Console(soft_wrap=True))
    if progress.list:
        narrator.listing(records.read(stage.name))
        return 0
    _check(stage, progress)
    if progress.workflow is not None:
        given, sign_in = with_workflow(stage.name, function, given, sign_in, file=progress.workflow, say=narrator.note)
    with records.alone(stage.name):
        record = _record(stage, function, given, progress)
        inputs = typed(function, record.inputs)
        sign_in = _placed(record, sign_in)
        _require(stage, inputs, record)
        todo = _todo(stage, record, progress, narrator)
        _name_job(stage, record, inputs, todo)
        record.save()
        if stage.job:
            inputs[_JOB_NAME] = record.job_name
        well = perform(stage, record, inputs, sign_in, todo=todo, narrator=narrator)
    if not well:
        narrator.note(f"mlops run {stage.name} --resume goes on from there")
        return 1
    if known := record.steps.get(stage.outputs):
        Console(soft_wrap=True, markup=False).print_json(json.dumps(known.outputs))
    return 0


def _check(stage: Stage, progress: Progress) -> None:
    asked = [name for name in ("resume", "from_step", "only", "anew") if getattr(progress, name)]
    if len(asked) > 1:
        raise ActionError(f"--{asked[0].replace('_', '-')} and --{asked[1].replace('_', '-')} exclude each other")
    for named in (progress.from_step, progress.only):
        if named is not None:
            _step(stage, named)


def _step(stage: Stage, named: str) -> Step:
    try:
        return stage.step(named)
    except KeyError:
        names = ", ".join(f"{step.name} ({step.action})" for step in stage.steps)
        raise ActionError(f"{stage.name} has no step '{named}', or several; it has {names}") from None


def _record(stage: Stage, function: Callable[..., int], given: Mapping[str, Any], progress: Progress) -> Record:
    """The run to go on with, with the inputs that are given now in the place of its own; or a new one."""
    last = records.read(stage.name)
    goes_on = progress.resume or progress.from_step or progress.only
    if last is None or not goes_on:
        if progress.resume:
            raise ActionError(f"there is nothing to resume: {records.path_of(stage.name)} is not there")
        if last is not None and not progress.anew and (step := last.ended_in()):
            told = f"the last run was killed in its step {step}, and its job may still run"
            raise ActionError(f"{told}: go on with --resume, or begin another with --anew")
        return Record(stage.name, plain(given))
    parameters = inspect.signature(function).parameters
    defaults = {name: parameters[name].default for name in given}
    last.inputs = {**plain(defaults), **last.inputs, **plain(changed(function, given))}
    last.attempt += 1
    return last


def _todo(stage: Stage, record: Record, progress: Progress, narrator: Narrator) -> list[str]:
    """The names of the steps to do."""
    names = [step.name for step in stage.steps]
    if progress.only:
        return [_step(stage, progress.only).name]
    if record.attempt == 1:
        return names[names.index(_step(stage, progress.from_step).name) :] if progress.from_step else names
    if progress.from_step:
        first = names.index(_step(stage, progress.from_step).name)
    else:
        left = [number for number, step in enumerate(stage.steps) if _is_left(step, record)]
        first = left[0] if left else len(names)
    if first == len(names):
        narrator.note("all steps of the last run are done")
        return []
    todo = names[first:]
    for step in stage.steps:
        # What is undone has to be done again for what comes after it.
        if step.cleans_up and step.name in todo[1:]:
            undone = record.steps.pop(step.name, None)
            if undone is not None and undone.status != "skipped" and step.cleans_up not in todo:
                narrator.note(f"{step.cleans_up} is done again, as {step.name} came after it")
                todo = [step.cleans_up, *todo]
    return todo


def _is_left(step: Step, record: Record) -> bool:
    if record.status(step.name) == "done" or not step.is_wanted(record.inputs):
        return False
    # There is nothing to clean up after what was not begun.
    return not step.cleans_up or record.status(step.cleans_up) not in (None, "skipped")


def _name_job(stage: Stage, record: Record, inputs: Mapping[str, Any], todo: list[str]) -> None:
    """Give the job its name, and another one where the last one's job has ended: it cannot be gone on with."""
    if not stage.job:
        return
    if not record.job_name:
        stem = part_of_job_name(inputs["pipeline"].stem)[:_NAME_ROOM] or "pipeline"
        record.job_name = inputs[_JOB_NAME] or f"{stem}-local-{time.strftime('%Y%m%d%H%M%S')}"
        return
    known = record.steps.get(stage.job)
    if stage.job in todo and known is not None and known.outputs.get("status") in _ENDED:
        record.job_name = f"{re.sub(r'-again-[0-9]+$', '', record.job_name)}-again-{record.attempt}"


def _placed(record: Record, sign_in: SignIn) -> SignIn:
    """The sign-in that is given, at the place of the last run where it says none; what is secret is not kept."""
    given = {name: value for name, value in asdict(sign_in).items() if value and name != _SECRET}
    record.place |= given
    return replace(sign_in, **record.place)


def _require(stage: Stage, inputs: Mapping[str, Any], record: Record) -> None:
    for name in stage.required:
        if inputs[name] is None:
            raise ActionError(f"{name.replace('_', '-')} is not given, nor does {record.file} have it")
