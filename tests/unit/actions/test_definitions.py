"""A YAML file that is wrong is named, with the line that is to blame."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions import definitions
from mlops_actions.errors import ActionError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "definition.yaml"


@pytest.mark.parametrize(
    ("content", "message", "line"),
    [
        (b"name: [1, 2\nsize: 3\n", "is not valid YAML", 2),
        (b"name: a\n\tsize: b\n", "is not valid YAML", 2),
        (b"one\n", "is not a compute definition: it holds no mapping", 1),
        (b"- a\n- b\n", "is not a compute definition: it holds no mapping", 1),
        (b"", "is not a compute definition: it holds no mapping", 1),
        (b"name: \xff\n", "cannot be read", None),
        (b"name: \x00\n", "is not valid YAML", None),
        (b"!!python/object/apply:os.system [id]\n", "is not valid YAML", 1),
    ],
)
def test_what_is_no_definition(file: Path, content: bytes, message: str, line: int | None) -> None:
    file.write_bytes(content)
    with pytest.raises(ActionError, match=message) as raised:
        definitions.read(file, "compute")
    assert (raised.value.file, raised.value.line) == (str(file), line)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(file: Path) -> None:
    with pytest.raises(ActionError, match=r"there is no file .*definition\.yaml \(the pipeline definition\)"):
        definitions.read(file, "pipeline")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="cannot be read"):
        definitions.read(tmp_path, "compute")


def test_a_definition(file: Path) -> None:
    file.write_text("name: machine\nsize: small\n")
    assert definitions.read(file, "compute") == {"name": "machine", "size": "small"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("jobs", 2),
        ("jobs.train", 3),
        ("jobs.train.component", 5),
        ("jobs.train.missing", 3),
        ("jobs.missing.component", 2),
        ("missing", None),
    ],
)
def test_the_line_of_a_path(file: Path, path: str, line: int | None) -> None:
    file.write_text("type: pipeline\njobs:\n  train:\n    type: command\n    component: x.yaml\n")
    assert definitions.line_of(file, path) == line


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &a {b: *a}",
        "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))]),
    ],
)
def test_aliases_without_an_end(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bomb.yaml"
    file.write_text(text)
    with pytest.raises(ActionError, match="its aliases stand for more than 100000 values"):
        definitions.read(file, "pipeline")
