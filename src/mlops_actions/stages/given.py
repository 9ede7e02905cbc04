"""A stage's inputs: given by flags or by a caller's workflow, kept as JSON, and typed again."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from cyclopts import CycloptsError

from mlops_actions import cli
from mlops_actions.azure import SignIn
from mlops_actions.errors import ActionError
from mlops_actions.stages import caller

_PLACE = ("subscription_id", "resource_group", "workspace")


def with_workflow(
    stage: str,
    function: Callable[..., int],
    given: Mapping[str, Any],
    sign_in: SignIn,
    *,
    file: Path,
    say: Callable[[str], None],
) -> tuple[dict[str, Any], SignIn]:
    """The inputs and the place that are given, or else the workflow's."""
    told = caller.given(file, stage, os.environ)
    known = {cli.kebab(name) for name in [*given, *_PLACE]}
    flags = [f"--{name}={value}" for name, value in told.inputs.items() if name in known]
    try:
        theirs = cli.arguments_of(function, flags)
    except CycloptsError as error:
        raise ActionError(f"workflow: {file}: {' '.join(str(error).split())}", file=str(file)) from None
    if left_out := [name for name in told.left_out if name in known]:
        say(f"{file} makes {', '.join(left_out)} by expressions, which only a runner can: left out")
    place: SignIn = theirs.pop("sign_in", SignIn())
    named = {name: getattr(sign_in, name) or getattr(place, name) for name in _PLACE}
    return {**given, **theirs, **changed(function, given)}, replace(sign_in, **named)


def changed(function: Callable[..., int], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, and not left to its default."""
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in given.items() if value != parameters[name].default}


def plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs as JSON has them."""
    texts = {name: str(value) if isinstance(value, Path) else value for name, value in inputs.items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in texts.items()}


def typed(function: Callable[..., int], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs from JSON as the function has them; one that it has not got, as of another version's, is left out."""
    hints = get_type_hints(function)
    return {name: _typed(hints[name], value) for name, value in inputs.items() if name in hints}


def _typed(hint: Any, value: Any) -> Any:
    kinds = [get_origin(part) or part for part in (hint, *get_args(hint))]
    if value is not None and Path in kinds:
        return Path(value)
    return tuple(value) if isinstance(value, list) and tuple in kinds else value
