"""Parallel work as the SDK sends it, and what of it is refused; the requests are what azure-ai-ml 1.35 sent."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from azureml_emulator.errors import ServiceError
from azureml_emulator.jobs.definition.components import Port
from azureml_emulator.jobs.parallel import program
from azureml_emulator.jobs.parallel.specification import FromInput, ParallelWork, check, override, read
from azureml_emulator.jobs.stopping import JobFailed

CODE = "/subscriptions/s/resourceGroups/g/providers/p/workspaces/w/codes/c/versions/1"
ENVIRONMENT = CODE.replace("codes/c", "environments/plain")
COMPONENT = {
    "type": "parallel",
    "inputs": {"data": {"type": "mltable", "mode": "direct"}, "opt": {"type": "string", "optional": True}},
    "outputs": {"out": {"type": "uri_file"}},
    "resources": {"instance_count": 2},
    "logging_level": "DEBUG",
    "task": {
        "type": "run_function",
        "code": f"azureml:{CODE}",
        "entry_script": "entry.py",
        "program_arguments": "--model ${{inputs.data}} $[[--opt ${{inputs.opt}}]]",
        "append_row_to": "${{outputs.out}}",
        "environment": f"azureml:{ENVIRONMENT}",
    },
    "mini_batch_size": "5120",
    "partition_keys": '["Store", "Brand"]',
    "input_data": "${{inputs.data}}",
    "retry_settings": {"timeout": 61, "max_retries": 3},
    "max_concurrency_per_instance": 4,
    "error_threshold": 6,
    "mini_batch_error_threshold": 5,
}
PORTS = {"data": Port("mltable"), "opt": Port("string", optional=True)}


def test_a_component_is_read_and_a_node_changes_what_it_says() -> None:
    work = read(COMPONENT, "component")
    assert work == ParallelWork(
        code=CODE,
        environment=ENVIRONMENT,
        entry_script="entry.py",
        arguments="--model ${{inputs.data}} $[[--opt ${{inputs.opt}}]]",
        append_row_to="out",
        input_data="data",
        input_type="mltable",
        mini_batch_size=5120,
        partition_keys=("Store", "Brand"),
        error_threshold=6,
        mini_batch_error_threshold=5,
        logging_level="DEBUG",
        concurrency=4,
        instances=2,
        retries=3,
        timeout=61,
    )
    check(work, PORTS, {"out": "uri_file"}, "node n")
    node = {
        "mini_batch_size": 7,
        "environment_variables": {"A": 1},
        "retry_settings": {"timeout": "${{inputs.opt}}"},
        "partition_keys": json.dumps(json.dumps(["Year"])),
        "mini_batch_error_threshold": 0,
    }
    changed = override(work, node, "node n")
    assert (changed.mini_batch_size, changed.variables, changed.timeout) == (7, {"A": "1"}, FromInput("opt"))
    assert (changed.partition_keys, changed.mini_batch_error_threshold, changed.retries) == (("Year",), 0, 3)
    # An inline node without a size says 0.
    assert override(work, {"mini_batch_size": 0}, "node n").mini_batch_size == 5120


@pytest.mark.parametrize(
    ("given", "size"),
    [("10", 10), (10, 10), ("1kb", 1024), ("2MB", 2 << 20), ("1Gb", 1 << 30), ("0", None), (None, None)],
)
def test_sizes_of_mini_batches(given: object, size: int | None) -> None:
    assert read({**COMPONENT, "mini_batch_size": given}, "component").mini_batch_size == size


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"mini_batch_size": "ten"}, 400, "mini_batch_size is 'ten': it must be a number of files, or of bytes"),
        ({"mini_batch_size": "1.5kb"}, 400, "mini_batch_size is '1.5kb'"),
        ({"mini_batch_size": -1}, 400, "mini_batch_size is -1"),
        ({"mini_batch_size": True}, 400, "mini_batch_size is True"),
        ({"mini_batch_size": [1]}, 400, "mini_batch_size is [1]"),
        ({"mini_batch_size": "9" * 400}, 400, "mini_batch_size is"),
        ({"mini_batch_size": "${{parent.inputs.size}}"}, 501, "as an expression of the pipeline"),
        ({"mini_batch_size": "${{outputs.out}}"}, 400, "not of the form ${{inputs.NAME}}"),
        ({"error_threshold": "many"}, 400, "error_threshold is 'many', not a whole number"),
        ({"error_threshold": 1 << 40}, 400, "error_threshold is 1099511627776, not"),
        ({"max_concurrency_per_instance": 0}, 400, "max_concurrency_per_instance is 0"),
        ({"resources": {"instance_count": 0}}, 400, "resources.instance_count is 0"),
        ({"resources": {"instance_count": "${{inputs.opt}}"}}, 400, "resources.instance_count"),
        ({"resources": 3}, 400, "resources is not an object"),
        ({"logging_level": "LOUD"}, 400, "logging_level is 'LOUD'"),
        ({"partition_keys": "Store"}, 400, "partition_keys is no JSON"),
        ({"partition_keys": '{"a": 1}'}, 400, "partition_keys is not a list of names"),
        ({"partition_keys": [1]}, 400, "partition_keys is not a list of names"),
        ({"partition_keys": "[" * 100_000}, 400, "partition_keys is no JSON"),
        ({"input_data": "${{inputs.data}} "}, 400, "not of the form ${{inputs.NAME}}"),
        ({"input_data": 3}, 400, "input_data is not a string"),
        ({"task": {"append_row_to": "${{inputs.data}}"}}, 400, "not of the form ${{outputs.NAME}}"),
    ],
)
def test_what_cannot_be_read_is_refused(fields: dict[str, Any], status: int, told: str) -> None:
    with pytest.raises(ServiceError) as refused:
        read({**COMPONENT, **fields}, "component")
    assert (refused.value.status, told in refused.value.message) == (status, True), refused.value.message


def test_settings_that_are_inputs_must_be_inputs() -> None:
    work = override(read(COMPONENT, "component"), {"retry_settings": {"timeout": "${{inputs.none}}"}}, "node n")
    with pytest.raises(ServiceError, match=r"timeout refers to \$\{\{inputs.none\}\}, which is no input of it"):
        check(work, PORTS, {"out": "uri_file"}, "node n")


def prepared(tmp_path: Path, work: ParallelWork, **values: str) -> dict[str, Any]:
    """The settings that the driver gets."""
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "scratch").mkdir()
    inputs = {"data": str(tmp_path / "data"), **values}
    outputs = {"out": str(tmp_path / "out.txt")}
    command = program.arguments(work, inputs, outputs, tmp_path / "scratch", Path(sys.executable))
    return dict(json.loads(Path(command[-1]).read_text()))


WORK = ParallelWork(code=CODE, environment=ENVIRONMENT, entry_script="entry.py", input_data="data")


def test_settings_can_be_values_of_inputs(tmp_path: Path) -> None:
    work = override(
        WORK, {"mini_batch_size": "${{inputs.size}}", "retry_settings": {"timeout": "${{ inputs.t }}"}}, "n"
    )
    found = prepared(tmp_path, work, size="3", t="9")
    assert (found["size"], found["timeout"], found["retries"]) == (3, 9, 2)


@pytest.mark.parametrize(
    ("size", "told"), [("many", "mini_batch_size of the parallel job: invalid"), ("-3", "is -3, less than 0")]
)
def test_an_input_that_is_no_setting_fails_the_run(tmp_path: Path, size: str, told: str) -> None:
    with pytest.raises(JobFailed, match=told):
        prepared(tmp_path, override(WORK, {"mini_batch_size": "${{inputs.size}}"}, "n"), size=size)


def test_the_predefined_arguments_are_settings(tmp_path: Path) -> None:
    given = "--task_overhead_timeout 1200 --progress_update_timeout 600 --first_task_creation_timeout 610 --own 1"
    task = {"task": {"program_arguments": f"{given} --error_threshold=7 --allowed_failed_percent 30"}}
    found = prepared(tmp_path, override(WORK, task, "n"))
    assert (found["overhead_timeout"], found["progress_timeout"], found["first_task_timeout"]) == (1200, 600, 610)
    assert (found["error_threshold"], found["allowed_failed_percent"]) == (7, 30)
    assert "--own" in found["arguments"]


def test_a_predefined_argument_that_is_wrong_fails_the_run(tmp_path: Path) -> None:
    task = {"task": {"program_arguments": "--error_threshold few"}}
    with pytest.raises(JobFailed, match="error_threshold: invalid int value: 'few'"):
        prepared(tmp_path, override(WORK, task, "n"))
