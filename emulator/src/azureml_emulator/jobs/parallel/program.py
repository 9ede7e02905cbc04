"""What to start for a parallel run: the driver, copied to the run's own folder with its settings beside it."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..definition.references import render_command
from ..files.modes import EVALUATING, Mode
from ..stopping import JobFailed
from . import mltable
from .runtime.settings import Settings
from .specification import ParallelWork, settle

_HERE = Path(__file__).parent
_PACKAGE = "azureml_emulator_parallel"
_MAIN = f'if __name__ == "__main__":\n    from {_PACKAGE}.start import main\n\n    main()\n'

_NOT_DIRECT = "On Azure a table is read into data frames only if its input has the mode direct"

# Azure's defaults: ParallelRunConfig's for the sizes, "CLI (v2) parallel job YAML schema" for the others.
_FILES = 10
_BYTES = 1 << 20
_RETRIES = 2
_TIMEOUT = 60


def arguments(
    work: ParallelWork,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    folder: Path,
    python: Path,
    *,
    mode: str | None = None,
) -> list[str]:
    """The argument list that runs the work; the working folder has to be the code's.

    `inputs` has local paths and values, `outputs` local paths; `folder` is a scratch folder, `python` the interpreter
    of the job's environment, `mode` the delivery mode that the job gives to the input that is split. Raises JobFailed
    for what only the values show to be wrong.
    """
    program = folder / "program"
    shutil.copytree(_HERE / "runtime", program / _PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(_HERE / "azureml_user", program / "azureml_user", ignore=shutil.ignore_patterns("__pycache__"))
    (program / "__main__.py").write_text(_MAIN, encoding="utf-8")
    scratch = folder / "scratch"
    scratch.mkdir()
    file = folder / "settings.json"
    _settings(work, inputs, outputs, scratch, mode).save(file)
    return [str(python), str(program), "driver", str(file)]


def _settings(
    work: ParallelWork, inputs: Mapping[str, str], outputs: Mapping[str, str], scratch: Path, mode: str | None
) -> Settings:
    if work.input_data is None or work.entry_script is None or work.input_data not in inputs:
        raise JobFailed("a parallel job needs an entry script and the input that it is to split")
    source = Path(inputs[work.input_data])
    if not source.exists():
        raise JobFailed(f"input {work.input_data}: the input to split has to be files on this machine, not {source}")
    given = _split(work, inputs, outputs)
    known = _predefined(given)
    # In these modes the files that an MLTable names have been brought, and not the MLTable.
    table = _table(source) if work.input_type == "mltable" and mode not in EVALUATING else None
    rows = table is not None and table["read"] is not None
    numbers = _numbers(work, inputs)
    size = numbers["mini_batch_size"] or (_BYTES if rows else _FILES)
    rows_to = None if work.append_row_to is None else outputs[work.append_row_to]
    if rows_to is not None and not Path(rows_to).is_absolute():
        raise JobFailed(f"output {work.append_row_to}: rows cannot be appended to {rows_to} in the mode Direct")
    error_threshold = numbers["error_threshold"] if known.error_threshold is None else known.error_threshold
    return Settings(
        entry_script=work.entry_script,
        arguments=[*_system(work, numbers, size), *given],
        input=str(source.resolve()),
        table=table,
        size=size,
        partition_keys=work.partition_keys,
        error_threshold=error_threshold,
        mini_batch_error_threshold=numbers["mini_batch_error_threshold"],
        allowed_failed_percent=known.allowed_failed_percent,
        logging_level=work.logging_level,
        instances=work.instances,
        concurrency=numbers["concurrency"],
        retries=numbers["retries"],
        timeout=numbers["timeout"],
        overhead_timeout=known.task_overhead_timeout,
        first_task_timeout=known.first_task_creation_timeout,
        progress_timeout=known.progress_update_timeout,
        rows_to=rows_to,
        output=_output(outputs, rows_to),
        scratch=str(scratch),
        notes=[_NOT_DIRECT] if rows and mode != Mode.DIRECT else [],
    )


def _numbers(work: ParallelWork, inputs: Mapping[str, str]) -> dict[str, int]:
    defaults = {
        "mini_batch_size": (0, 0),
        "error_threshold": (-1, -1),
        "mini_batch_error_threshold": (-1, -1),
        "concurrency": (len(os.sched_getaffinity(0)), 1),
        "retries": (_RETRIES, 0),
        "timeout": (_TIMEOUT, 1),
    }
    numbers = {}
    for name, (default, least) in defaults.items():
        try:
            numbers[name] = settle(getattr(work, name), default, inputs)
        except ValueError as error:
            raise JobFailed(f"{name} of the parallel job: {error}") from error
        if numbers[name] < least:
            raise JobFailed(f"{name} of the parallel job is {numbers[name]}, less than {least}")
    return numbers


def _table(source: Path) -> dict[str, Any]:
    try:
        return mltable.read(source)
    except mltable.UnusableTable as error:
        raise JobFailed(str(error)) from error


def _split(work: ParallelWork, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> list[str]:
    """The entry script's arguments; a value is one argument or a part of one, whatever is in it."""
    sides = {"inputs": inputs, "outputs": outputs}
    values = {f"\x00{side}.{name}\x00": value for side, given in sides.items() for name, value in given.items()}
    marks = {side: {name: f"\x00{side}.{name}\x00" for name in given} for side, given in sides.items()}
    try:
        found = shlex.split(render_command(work.arguments, marks["inputs"], marks["outputs"]))
    except ValueError as error:
        raise JobFailed(f"task.program_arguments: {error}") from error
    return [_filled(one, values) for one in found]


def _filled(argument: str, values: Mapping[str, str]) -> str:
    parts = argument.split("\x00")
    return "".join(values.get(f"\x00{part}\x00", part) if place % 2 else part for place, part in enumerate(parts))


def _predefined(given: Sequence[str]) -> argparse.Namespace:
    """The arguments that are settings of the run ("Predefined arguments for parallel job"). Raises JobFailed."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    parser.add_argument("--error_threshold", type=int)
    parser.add_argument("--allowed_failed_percent", type=float, default=100.0)
    parser.add_argument("--task_overhead_timeout", type=float, default=600.0)
    parser.add_argument("--first_task_creation_timeout", type=float, default=600.0)
    parser.add_argument("--progress_update_timeout", type=float)
    try:
        return parser.parse_known_args(list(given))[0]
    except argparse.ArgumentError as error:
        raise JobFailed(f"task.program_arguments: {error}") from error


def _system(work: ParallelWork, numbers: Mapping[str, int], size: int) -> list[str]:
    """Arguments that Azure puts before the entry script's own: it must use parse_known_args."""
    given = {
        "--scoring_module_name": work.entry_script,
        "--mini_batch_size": size,
        "--run_invocation_timeout": numbers["timeout"],
        "--run_max_try": numbers["retries"] + 1,
        "--process_count_per_node": numbers["concurrency"],
    }
    return [str(one) for pair in given.items() for one in pair]


def _output(outputs: Mapping[str, str], rows_to: str | None) -> str:
    """The folder for the entry script's own files: the output for rows if that is a folder, or the first that is."""
    for path in (rows_to, *outputs.values()):
        if path is not None and Path(path).is_dir():
            return path
    return str(Path("outputs"))
