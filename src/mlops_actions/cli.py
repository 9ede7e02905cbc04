"""The command `mlops`: one sub-command per action, made of the action's function, and tools for a laptop.

On a runner the action's inputs come all at once, as the JSON object `INPUTS`; on a laptop as flags. An input that is
the empty string is not given.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from mlops_actions import command_help, environment, github, inputs, masking
from mlops_actions.confinement import confine
from mlops_actions.errors import ActionError
from mlops_actions.interruption import interruptible

ACTIONS = {
    "ensure-compute": "mlops_actions.ensure_compute:ensure_compute",
    "register-assets": "mlops_actions.register_assets:register_assets",
    "run-aml-pipeline": "mlops_actions.run_aml_pipeline:run_aml_pipeline",
    "gate-model": "mlops_actions.gate_model:gate_model",
    "fetch-model": "mlops_actions.fetch_model:fetch_model",
    "build-image": "mlops_actions.build_image:build_image",
    "kube-deploy": "mlops_actions.kube_deploy:kube_deploy",
}
"""Commands and their functions. A module is imported when its command is used: each needs other packages."""

TOOLS = {
    "doctor": "mlops_actions.doctor.command:doctor",
    "run train": "mlops_actions.stages.train:train",
    "run deploy": "mlops_actions.stages.deploy:deploy",
}
"""Commands that are no actions: their functions show by themselves what they have to show, and answer the status."""

FAILED, USAGE = 1, 2


def action_function(command: str) -> Callable[..., Any]:
    """The function of an action, or of a tool."""
    module, _, name = (ACTIONS.get(command) or TOOLS[command]).partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def kebab(name: str) -> str:
    """A Python name as inputs, flags and outputs are written."""
    return name.replace("_", "-")


def _takes(annotation: Any, kind: type) -> bool:
    """Whether a parameter's annotation is `kind`, or a union with it."""
    return any(get_origin(part) is kind for part in (annotation, *get_args(annotation)))


def _annotated(annotation: Any) -> Any:
    """The annotation with the way it is read from text: lists one item a line, mappings one pair a line."""
    if _takes(annotation, Mapping):  # shown to cyclopts as a list: its flag may be given more than once
        return Annotated[tuple[str, ...], Parameter(converter=inputs.pairs, n_tokens=1, negative="")]
    if _takes(annotation, tuple):
        return Annotated[annotation, Parameter(converter=inputs.lines, n_tokens=1, negative="")]
    if is_dataclass(annotation):  # inputs that several actions share
        return Annotated[annotation, Parameter(name="*")]
    return Annotated[annotation, Parameter(negative="")] if annotation is bool else annotation


def _command(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as cyclopts is to see it."""
    hints = get_type_hints(function)
    signature = inspect.signature(function)
    parameters = [p.replace(annotation=_annotated(hints[p.name])) for p in signature.parameters.values()]

    def command(**arguments: Any) -> Any:
        for name, value in arguments.items():
            if isinstance(value, Path):
                confine(value, kebab(name))
        return function(**arguments)

    command.__doc__ = function.__doc__
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _app(command: str) -> App:
    app = App(
        name=f"mlops {command}",
        help_format="plaintext",
        version_flags=[],
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # a cancelled step is told as such, by us
    )
    app.default(_command(action_function(command)))
    return app


def arguments_of(function: Callable[..., Any], flags: Sequence[str]) -> dict[str, Any]:
    """The arguments that flags are for a function, as it is not called with them. Raises CycloptsError."""

    @functools.wraps(function)
    def take(**arguments: Any) -> dict[str, Any]:
        return arguments

    app = App(version_flags=[], help_flags=[], result_action="return_value")
    app.default(_command(take))
    taken: dict[str, Any] = app(flags, exit_on_error=False, print_error=False)
    return taken


def outputs_of(result: object) -> dict[str, str]:
    """The outputs that an action's dataclass stands for."""
    if not is_dataclass(result):
        raise TypeError(f"{result!r} is no dataclass of outputs")
    return {kebab(field.name): github.as_output(getattr(result, field.name)) for field in fields(result)}


def _report(result: object) -> None:
    outputs = outputs_of(result)
    github.set_outputs(outputs)
    if not github.on_runner():
        Console(soft_wrap=True, markup=False).print_json(json.dumps(outputs))


def fail(command: str, error: BaseException) -> int:
    """Tell what went wrong in a command, and set what outputs there are all the same; the answer is the exit status."""
    if github.debugging():
        traceback.print_exc()
    if (outputs := getattr(error, "outputs", None)) is not None:
        github.set_outputs(outputs_of(outputs))
    if isinstance(error, ActionError):
        for one in (error, *error.others):
            github.annotate("error", str(one), file=one.file, line=one.line, column=one.column)
    elif isinstance(error, KeyboardInterrupt):
        github.annotate("error", f"mlops {command} was interrupted")
    else:
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        github.annotate("error", f"mlops {command} failed unexpectedly ({text}); debug logging shows where")
    return FAILED


def _usage() -> int:
    lists = {
        "actions, as in a workflow": {command: action_function(command) for command in ACTIONS},
        "tools for a laptop": {command: action_function(command) for command in TOOLS},
    }
    print(command_help.usage(lists))  # noqa: T201
    return 0


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the answer is its exit status: 0, 1 for a failure, 2 for a call that makes no sense."""
    try:
        with github.guarded():
            return _run_guarded(arguments)
    finally:
        masking.forget()


def _run_guarded(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in {"--help", "-h"}:
        return _usage()
    command, flags = command_help.split(arguments, [*ACTIONS, *TOOLS])
    if command not in {**ACTIONS, **TOOLS}:
        github.annotate("error", command_help.unknown(command, [*ACTIONS, *TOOLS]))
        return USAGE
    try:
        if not github.on_runner():  # where the file is a stranger's, and could send a secret to another authority
            environment.load()
        with interruptible():
            return _run(command, flags)
    except CycloptsError as error:
        text = " ".join(str(error).split())
        github.annotate("error", f"mlops {command}: {text}")
        return USAGE
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - whatever it is, it is told in one line
        return fail(command, error)


def _run(command: str, flags: Sequence[str]) -> int:
    given = inputs.taken() if command in ACTIONS else None
    result = _app(command)(
        inputs.flags_of(given) if given and not flags else flags, exit_on_error=False, print_error=False
    )
    if command in TOOLS:
        return int(result or 0)
    if result is not None:  # --help has none
        _report(result)
    return 0


def main() -> None:
    """Run the process's command line."""
    sys.exit(run(sys.argv[1:]))
