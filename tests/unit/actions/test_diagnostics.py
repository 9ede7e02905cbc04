"""The line that an error is about, by what its message names; the messages are Azure's and the SDK's kinds of words."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.diagnostics.fields import explained
from mlops_actions.diagnostics.locations import at_path, entries
from mlops_actions.diagnostics.search import location_of

PIPELINE = """\
type: pipeline
inputs:
  epochs: 5
  cats: {type: uri_folder, path: azureml:cats@latest}
settings:
  default_compute: azureml:machine
jobs:
  prep:
    type: command
    component: ./prep.yaml
    inputs:
      data: ${{parent.inputs.cats}}
  train:
    type: command
    component: azureml:training:9
    compute: azureml:gpu
    inputs:
      epochs: ${{parent.inputs.epoch}}
      prepared: ${{parent.jobs.prep.outputs.out}}
      more:
        type: uri_folder
        path: ./more
      store:
        type: uri_folder
        path: azureml://datastores/lake/paths/x
  register:
    type: command
    component: azureml://registries/azureml/components/register_model/versions/0.0.21
    inputs:
      model_name: "it's 5"
"""
COMPONENT = """\
name: prep
version: "1"
type: command
inputs:
  data: {type: uri_folder}
environment: azureml:pillow:3
command: python prep.py ${{inputs.dta}}
"""
WORKSPACE = "/subscriptions/1/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "prep.yaml").write_text(COMPONENT)
    file = tmp_path / "pipeline.yaml"
    file.write_text(PIPELINE)
    return file


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("Failed to find top level definition for input binding ${{parent.inputs.epoch}}.", "pipeline.yaml:18:15"),
        (f"the component {WORKSPACE}/components/training/versions/9 is not found", "pipeline.yaml:15:16"),
        ("Component training:9 does not exist", "pipeline.yaml:15:16"),
        ("Asset cats does not exist in workspace w.", "pipeline.yaml:4:34"),
        ("node prep: the compute machine is not found in workspace w", "pipeline.yaml:6:20"),
        (f"The compute target {WORKSPACE}/computes/gpu cannot be used", "pipeline.yaml:16:14"),
        ("node prep, input data is of another type", "pipeline.yaml:12:7"),  # and not of the component, which is fine
        ("computes/gpu cannot be used", "pipeline.yaml:16:14"),
        ("node train, input epochs is 'many', not of type integer", "pipeline.yaml:18:7"),
        ("node train, input store: Datastore lake not found", "pipeline.yaml:25:15"),
        ("No such file or directory: {folder}/more", "pipeline.yaml:22:15"),
        ("node register has no permission", "pipeline.yaml:26:3"),
        ("Version 0.0.21 of 'register_model' is gone", "pipeline.yaml:28:16"),
        # The cause is in the component that a node refers to.
        (f"node prep: the environment {WORKSPACE}/environments/pillow/versions/3 is not found", "prep.yaml:6:14"),
        ("Invalid data binding expression: inputs.dta", "prep.yaml:7:10"),
        # Nothing in the file is named.
        ("Quota exceeded: try another region", None),
        ("Docker image or Dockerfile is required for environments", None),
        ("", None),
    ],
)
def test_the_line_that_a_message_is_about(file: Path, message: str, place: str | None) -> None:
    found = location_of(file, message.format(folder=file.parent) if "{folder}" in message else message)
    told = found and f"{Path(found.file).name}:{found.line}:{found.column}"
    assert told == place


@pytest.mark.parametrize(
    ("path", "message", "line"),
    [
        ("jobs.train.compute", "Not a valid string.", 16),
        ("jobs.train.inputs.nothing", "Required input 'nothing' for component 'train' not provided.", 17),
        ("jobs.train.inputs", "input 'more' is not of this type", 17),
        ("jobs.prep.environment", "Missing data", 8),
        ("command", "Invalid data binding expression: inputs.dta", 7),
    ],
)
def test_the_line_of_a_path_and_of_what_is_missing_there(file: Path, path: str, message: str, line: int) -> None:
    found = location_of(file, message, path)
    assert found is not None
    assert found.line == line


def test_paths_with_dots_and_lists(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("tags:\n  my.tag: 1\nlist:\n  - a\n  - name: b\n")
    found = entries(file)
    assert {".".join(entry.path): entry.key.line for entry in found} == {
        "tags": 1,
        "tags.my.tag": 2,
        "list": 3,
        "list.0": 4,
        "list.1": 5,
        "list.1.name": 5,
    }
    assert at_path(found, "tags.my.tag")[1]
    assert not at_path(found, "tags.other")[1]
    assert at_path(found, "nothing") == (None, False)


def test_a_file_that_cannot_be_read_has_no_lines(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    assert entries(broken) == []
    broken.write_bytes(b"a: [\xff")
    assert entries(broken) == []


def test_files_that_refer_to_each_other_are_read_once(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("component: two.yaml\n")
    two.write_text("component: one.yaml\n")
    assert [entry.text for entry in entries(one)] == ["two.yaml", "one.yaml"]


def test_aliases_are_not_multiplied(tmp_path: Path) -> None:
    """A billion laughs."""
    file = tmp_path / "laughs.yaml"
    lines = ["l0: &l0 [ha, ha]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    file.write_text("\n".join(lines))
    assert len(entries(file)) < 200


def test_a_node_that_is_none_is_explained_by_its_fields(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("jobs:\n  a:\n    comand: x\n    code: ./gone\n  b: {command: x}\n  c: {zzzz: 1}\n")
    missing = "Missing data for required field."
    asked = [(f"jobs.{name}.component", missing) for name in "abc"]
    assert explained(file, [*asked, ("jobs.b.environment", "Not a valid string.")]) == [
        ("jobs.a.comand", "Unknown field: is command meant?"),
        ("jobs.a.code", "there is no file or folder ./gone"),
        ("jobs.c.zzzz", "Unknown field."),
        ("jobs.b.environment", "Not a valid string."),
    ]
    assert explained(file, [("jobs.b.component", missing)]) == [("jobs.b.component", missing)]
