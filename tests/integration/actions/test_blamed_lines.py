"""Each mistake in a YAML file is an annotation on the very line that is wrong, which is marked `# here`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import COMPUTE, ENVIRONMENT, Action, WriteYaml

HERE = "# here"
COMPONENT = f"""\
type: command
name: blamed
version: "1"
inputs:
  count: {{type: integer}}
  words: {{type: uri_folder, optional: true}}
environment: azureml:{ENVIRONMENT}@latest
command: echo ${{{{inputs.count}}}}
"""
PIPELINE = f"""\
type: pipeline
settings:
  default_compute: azureml:{COMPUTE}
inputs:
  rounds: 5
jobs:
  first:
    type: command
    environment: azureml:{ENVIRONMENT}@latest
    command: "true"
  second:
    type: command
    component: ./component.yaml
    inputs:
      count: ${{{{parent.inputs.rounds}}}}
"""
NODE = f"""\
  third:
    type: command
    environment: azureml:{ENVIRONMENT}@latest
    command: ls ${{{{inputs.x}}}}
    inputs:
"""


def marked(file: Path) -> str:
    """The place of the mark, as it begins an annotation."""
    number = next(n for n, line in enumerate(file.read_text().splitlines(), 1) if line.endswith(HERE))
    return f"::error file={file},line={number}"


def blamed(log: str) -> str:
    """The place of the only error."""
    (place,) = re.findall(r"^(::error [^:]*?)(?:,col=\d+)?::", log, re.MULTILINE)
    return str(place)


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("correct", "wrong", "message"),
    [
        ("inputs:\n  rounds", f"experiment: x {HERE}\ninputs:\n  rounds", "experiment: Unknown field."),
        ('command: "true"', f'comand: "true" {HERE}', "jobs.first.comand: Unknown field: is command meant?"),
        ('command: "true"', f'command: "true"\n    code: ./gone {HERE}', "there is no file or folder ./gone"),
        ('command: "true"', f'command: "true"\n    compute: azureml:gone {HERE}', "The Compute gone was not found"),
        (
            f"default_compute: azureml:{COMPUTE}",
            f"default_compute: azureml:gone {HERE}",
            "the compute gone is not found",
        ),
        (f"azureml:{ENVIRONMENT}@latest", f"azureml:gone:9 {HERE}", "environments/gone/versions/9 is not found"),
        (f"azureml:{ENVIRONMENT}@latest", f"azureml:gone@latest {HERE}", "Asset gone does not exist"),
        (f"azureml:{ENVIRONMENT}@latest", f"[1] {HERE}", "jobs.first.environment: Not a valid string."),
        ("./component.yaml", f"azureml:gone:9 {HERE}", "components/gone/versions/9 is not found"),
        ("count: ${{parent.inputs.rounds}}", f"count: many {HERE}", "input count is 'many', not of type integer"),
        ("parent.inputs.rounds}}", f"parent.inputs.round}}}} {HERE}", "the pipeline has no input round"),
        ("parent.inputs.rounds}}", f"parent.jobs.zero.outputs.x}}}} {HERE}", "the pipeline has no node zero"),
        ("inputs:\n      count: ${{parent.inputs.rounds}}", f"inputs: {HERE}\n      words: azureml:w:1", "'count'"),
        ("", f"{NODE}      x: {{type: uri_folder, path: azureml:gone:9}} {HERE}\n", "data gone:9 not found"),
        ("", f"{NODE}      x: {{type: uri_folder, path: ./gone}} {HERE}\n", "No such file or directory"),
    ],
)
def test_a_pipeline(action: Action, write_yaml: WriteYaml, correct: str, wrong: str, message: str) -> None:
    write_yaml("component.yaml", COMPONENT)
    text = PIPELINE.replace(correct, wrong, 1) if correct else PIPELINE + wrong
    file = write_yaml("pipeline.yaml", text)
    ran = action("run-aml-pipeline", file=file)
    assert message in ran.error
    assert blamed(ran.log) == marked(file), ran.error


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("correct", "wrong", "message"),
    [
        (f"azureml:{ENVIRONMENT}@latest", f"azureml:gone:9 {HERE}", "environments/gone/versions/9 is not found"),
        ("${{inputs.count}}", f"${{{{inputs.counts}}}} {HERE}", "Invalid data binding expression: inputs.counts"),
        ("name: blamed", f'name: [1\nversion: "1" {HERE}', "is not valid YAML"),
    ],
)
def test_a_component_that_a_pipeline_names(
    action: Action, write_yaml: WriteYaml, correct: str, wrong: str, message: str
) -> None:
    file = write_yaml("component.yaml", COMPONENT.replace(correct, wrong, 1))
    ran = action("run-aml-pipeline", file=write_yaml("pipeline.yaml", PIPELINE))
    assert message in ran.error
    assert blamed(ran.log) == marked(file), ran.error


@pytest.mark.usefixtures("workspace")
def test_every_wrong_line_is_told(action: Action, write_yaml: WriteYaml) -> None:
    write_yaml("component.yaml", COMPONENT)
    text = PIPELINE.replace(f"azureml:{ENVIRONMENT}@latest", "[1]").replace(
        "second:\n    type: command", "second:\n    type: blue"
    )
    file = write_yaml("pipeline.yaml", text)
    errors = action("run-aml-pipeline", file=file).errors
    assert [error.partition(",col")[0] for error in errors] == [f"::error file={file},line={n}" for n in (9, 12)]


@pytest.mark.usefixtures("workspace")
def test_an_input_that_the_component_does_not_have_is_no_silence(action: Action, write_yaml: WriteYaml) -> None:
    component = write_yaml("component.yaml", COMPONENT)
    file = write_yaml("pipeline.yaml", PIPELINE + f"      counts: 3 {HERE}\n")
    ran = action("run-aml-pipeline", file=file)
    assert ran.status == 0, ran.log
    place = marked(file).replace("error", "warning")
    assert (
        f"{place}::the component {component} has no input 'counts', so it is not used; it has count, words" in ran.log
    )


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("components", f"{COMPONENT}pth: 1\ncode: ./gone {HERE}\n", "Can't find directory or file"),
        ("components", COMPONENT.replace("type: integer", "type: int}") + HERE, "is not valid YAML"),
        ("environments", f"name: e\nimage: debian:12\nconda_file: ./gone.yaml {HERE}\n", "No such file or directory"),
        ("environments", f"name: e\nversion: 1.2.3\nbuild:\n  path: ./gone {HERE}\n", "Can't find directory"),
        ("data", f"name: d\ntype: uri_foldr {HERE}\npath: .\n", "Must be one of"),
        ("data", f"name: d\ntype: uri_folder\npath: ./gone {HERE}\n", "does not match asset type"),
    ],
)
def test_an_asset(action: Action, write_yaml: WriteYaml, kind: str, text: str, message: str) -> None:
    file = write_yaml("asset.yaml", text)
    ran = action("register-assets", **{kind: "asset.yaml"})
    assert message in ran.error
    if "is not valid YAML" not in message:
        assert blamed(ran.log) == marked(file).replace(str(file), "asset.yaml")


@pytest.mark.parametrize(
    ("line", "message"),
    [("min_instnces: 0", "Unknown field."), ("min_instances: none", "Not a valid integer."), ("size: [1]", "string")],
)
def test_a_compute(action: Action, write_yaml: WriteYaml, line: str, message: str) -> None:
    size = "" if line.startswith("size") else "size: Standard_DS3_v2\n"
    file = write_yaml("compute.yaml", f"name: blamed\ntype: amlcompute\n{size}{line} {HERE}\n")
    ran = action("ensure-compute", file=file)
    assert message in ran.error
    assert blamed(ran.log) == marked(file), ran.error
