"""A parallel component or node as the SDK sends it: what to split, how, and the entry script to run over the parts.

On the wire `mini_batch_size` is a number (the SDK has turned 10kb into 10240) or 0 for none, `partition_keys` is JSON
in a string, and a node repeats the settings of its component, whether or not it changes them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from ...errors import bad_request, not_implemented
from ...shapes import mapping, mappings, strings, text
from ..definition.references import names_in_command, render_command

_EXPRESSION = re.compile(r"^\$\{\{\s*(?P<inside>[^{}]*?)\s*\}\}$")
_SIDE = re.compile(r"^(?P<side>inputs|outputs)\.(?P<name>[\w-]+)$")
_SIZE = re.compile(r"^(?P<count>\d{1,15})(?P<unit>[kmg]b)?$", re.IGNORECASE)
_UNITS = {None: 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
_MOST = 2**31 - 1
_MOST_SECONDS = 259_200
_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "WARN"})


@dataclass(frozen=True)
class FromInput:
    """A setting whose value is an input of the node."""

    name: str


Number = int | FromInput


@dataclass(frozen=True)
class ParallelWork:
    """What a parallel component runs. None: not given, so that Azure's default holds.

    Attributes:
        code: ARM id of the code with the entry script.
        environment: ARM id of the environment.
        variables: of the environment of the worker processes.
        entry_script: path in the code.
        arguments: the entry script's, with expressions.
        append_row_to: the output that gets what `run` returns.
        input_data: the input that is split.
        input_type: the type of that input.
        mini_batch_size: files, or bytes of a table.
        partition_keys: split by these instead.
        error_threshold: failed items that are borne; -1: any number.
        mini_batch_error_threshold: the same for mini batches.
        logging_level: of the entry script's logger.
        concurrency: processes per instance.
        instances: nodes.
        retries: of a mini batch.
        timeout: seconds for one call of `run`.

    """

    code: str | None = None
    environment: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    task_type: str = "run_function"
    entry_script: str | None = None
    arguments: str = ""
    append_row_to: str | None = None
    input_data: str | None = None
    input_type: str = "uri_folder"
    mini_batch_size: Number | None = None
    partition_keys: tuple[str, ...] = ()
    error_threshold: Number | None = None
    mini_batch_error_threshold: Number | None = None
    logging_level: str = "INFO"
    concurrency: Number | None = None
    instances: int = 1
    retries: Number | None = None
    timeout: Number | None = None


def read(spec: Mapping[str, Any], where: str) -> ParallelWork:
    """The work of a component's specification. Raises ServiceError (400, 501); see also `check`."""
    work = override(ParallelWork(), spec, where)
    inputs = dict(mappings(spec.get("inputs"), f"{where}: inputs"))
    kind = inputs.get(work.input_data or "", {}).get("type")
    return replace(work, input_type=text(kind, f"{where}, input {work.input_data}: type") or "uri_folder")


def override(work: ParallelWork, spec: Mapping[str, Any], where: str) -> ParallelWork:
    """The work with the settings that a node gives, in place of its component's. Raises ServiceError (400, 501)."""
    task = mapping(spec.get("task"), f"{where}: task")
    retry = mapping(spec.get("retry_settings"), f"{where}: retry_settings")
    resources = mapping(spec.get("resources"), f"{where}: resources")
    numbers = {
        "mini_batch_size": _size(spec.get("mini_batch_size"), f"{where}: mini_batch_size"),
        "error_threshold": _number(spec.get("error_threshold"), f"{where}: error_threshold", least=-1),
        "mini_batch_error_threshold": _number(
            spec.get("mini_batch_error_threshold"), f"{where}: mini_batch_error_threshold", least=-1
        ),
        "concurrency": _number(
            spec.get("max_concurrency_per_instance"), f"{where}: max_concurrency_per_instance", least=1
        ),
        "instances": _instances(resources.get("instance_count"), f"{where}: resources.instance_count"),
        "retries": _number(retry.get("max_retries"), f"{where}: retry_settings.max_retries", least=0),
        "timeout": _number(retry.get("timeout"), f"{where}: retry_settings.timeout", least=1, most=_MOST_SECONDS),
    }
    texts = {
        "code": _id(task.get("code"), f"{where}: task.code"),
        "environment": _id(task.get("environment"), f"{where}: task.environment"),
        "task_type": text(task.get("type"), f"{where}: task.type"),
        "entry_script": text(task.get("entry_script"), f"{where}: task.entry_script"),
        "arguments": text(task.get("program_arguments"), f"{where}: task.program_arguments"),
        "append_row_to": _named(task.get("append_row_to"), "outputs", f"{where}: task.append_row_to"),
        "input_data": _named(spec.get("input_data"), "inputs", f"{where}: input_data"),
        "logging_level": _level(spec.get("logging_level"), f"{where}: logging_level"),
    }
    given: dict[str, Any] = {key: value for key, value in {**numbers, **texts}.items() if value is not None}
    variables = strings(spec.get("environment_variables"), f"{where}: environment_variables")
    keys = _keys(spec.get("partition_keys"), f"{where}: partition_keys") or work.partition_keys
    return replace(work, variables={**work.variables, **variables}, partition_keys=keys, **given)


def check(work: ParallelWork, inputs: Mapping[str, Any], outputs: Mapping[str, Any], where: str) -> None:
    """Raise ServiceError (400, 501) for work that cannot run with these inputs (Port by name) and outputs."""
    if work.task_type not in {"run_function", "function"}:
        raise not_implemented(f"{where}: a parallel task of type {work.task_type}")
    _check_script(work, where)
    _check_input(work, inputs, where)
    if work.append_row_to is not None and work.append_row_to not in outputs:
        raise bad_request(
            f"{where}: task.append_row_to refers to ${{{{outputs.{work.append_row_to}}}}}, "
            f"but its outputs are {_listed(outputs)}"
        )
    _check_arguments(work, inputs, outputs, where)
    for setting, value in vars(work).items():
        if isinstance(value, FromInput) and value.name not in inputs:
            raise bad_request(f"{where}: {setting} refers to ${{{{inputs.{value.name}}}}}, which is no input of it")


def settle(number: Number | None, default: int, inputs: Mapping[str, str]) -> int:
    """The value of a setting, with the inputs' values at hand. Raises ValueError if that is no whole number."""
    if isinstance(number, FromInput):
        given = inputs.get(number.name)
        return default if given is None else int(given)
    return default if number is None else number


def _check_script(work: ParallelWork, where: str) -> None:
    if work.entry_script is None:
        raise bad_request(f"{where}: task.entry_script is required for a parallel job of type run_function")
    if work.code is None:
        raise bad_request(f"{where}: task.code is required: the folder with the entry script {work.entry_script}")
    path = PurePosixPath(work.entry_script)
    if path.is_absolute() or ".." in path.parts or path.suffix != ".py":
        raise bad_request(f"{where}: task.entry_script {work.entry_script} is no path of a Python file in the code")


def _check_input(work: ParallelWork, inputs: Mapping[str, Any], where: str) -> None:
    if work.input_data is None:
        raise bad_request(f"{where}: input_data is required: which of the inputs to split, as ${{{{inputs.NAME}}}}")
    port = inputs.get(work.input_data)
    if port is None:
        raise bad_request(
            f"{where}: input_data refers to ${{{{inputs.{work.input_data}}}}}, but its inputs are {_listed(inputs)}"
        )
    if not port.is_data:
        raise bad_request(f"{where}: input_data {work.input_data} must be files, not {port.type}")
    if port.optional:
        raise bad_request(f"{where}: input_data {work.input_data} is optional: the input to split must be given")


def _check_arguments(work: ParallelWork, inputs: Mapping[str, Any], outputs: Mapping[str, Any], where: str) -> None:
    known = {"inputs": inputs, "outputs": outputs}
    try:
        names = names_in_command(work.arguments)
        shlex.split(render_command(work.arguments, dict.fromkeys(inputs, "x"), dict.fromkeys(outputs, "x")))
    except ValueError as error:
        raise bad_request(f"{where}: task.program_arguments: {error}") from error
    for side, name in names:
        if name not in known[side]:
            raise bad_request(
                f"{where}: task.program_arguments uses ${{{{{side}.{name}}}}}, "
                f"but its {side} are {_listed(known[side])}"
            )


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "none"


def _id(given: object, where: str) -> str | None:
    found = text(given, where)
    return None if found is None else found.removeprefix("azureml:")


def _named(given: object, side: str, where: str) -> str | None:
    """The name in `${{inputs.NAME}}` or `${{outputs.NAME}}`."""
    expression = text(given, where)
    if expression is None:
        return None
    match = _EXPRESSION.match(expression)
    named = _SIDE.match(match["inside"]) if match else None
    if named is None or named["side"] != side:
        raise bad_request(f"{where} is {expression!r}, not of the form ${{{{{side}.NAME}}}}")
    return named["name"]


def _level(given: object, where: str) -> str | None:
    level = text(given, where)
    if level is None:
        return None
    if level.upper() not in _LEVELS:
        raise bad_request(f"{where} is {level!r}, not one of DEBUG, INFO, WARNING")
    return "WARNING" if level.upper() == "WARN" else level.upper()


def _keys(given: object, where: str) -> tuple[str, ...]:
    """A list, or JSON of a list."""
    keys = given
    if isinstance(keys, str) and keys:
        try:
            keys = json.loads(keys)
            keys = json.loads(keys) if isinstance(keys, str) else keys  # A node that was read back is dumped twice.
        except (ValueError, RecursionError) as error:
            raise bad_request(f"{where} is no JSON: {error}") from error
    if not keys:
        return ()
    if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
        raise bad_request(f"{where} is not a list of names")
    if len(set(keys)) < len(keys):
        raise bad_request(f"{where} has a key twice")
    return tuple(keys)


def _from_input(given: object, where: str) -> FromInput | None:
    match = _EXPRESSION.match(given.strip()) if isinstance(given, str) else None
    if match is None:
        return None
    if match["inside"].startswith("parent."):
        raise not_implemented(f"{where} as an expression of the pipeline ({given})")
    named = _SIDE.match(match["inside"])
    if named is None or named["side"] != "inputs":
        raise bad_request(f"{where} is {given!r}, not of the form ${{{{inputs.NAME}}}}")
    return FromInput(named["name"])


def _size(given: object, where: str) -> Number | None:
    if bound := _from_input(given, where):
        return bound
    match = None if isinstance(given, bool) else _SIZE.match(str(given))
    if given is None:
        return None
    if match is None:
        raise bad_request(f"{where} is {given!r}: it must be a number of files, or of bytes such as 10kb, 5MB or 1gb")
    unit = match["unit"].lower() if match["unit"] else None
    return int(match["count"]) * _UNITS[unit] or None


def _number(given: object, where: str, *, least: int, most: int = _MOST) -> Number | None:
    if given is None:
        return None
    if bound := _from_input(given, where):
        return bound
    if isinstance(given, bool) or not re.fullmatch(r"-?\d{1,10}", str(given)):
        raise bad_request(f"{where} is {given!r}, not a whole number")
    if not least <= int(str(given)) <= most:
        raise bad_request(f"{where} is {given}, not between {least} and {most}")
    return int(str(given))


def _instances(given: object, where: str) -> int | None:
    number = _number(given, where, least=1)
    if isinstance(number, FromInput):
        raise bad_request(f"{where} is {given!r}, not a whole number")
    return number
