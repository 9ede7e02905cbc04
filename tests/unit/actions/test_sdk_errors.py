"""The SDK's own errors, as it raises them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.ai.ml import load_compute, load_data, load_environment, load_job
from azure.core.exceptions import HttpResponseError, ODataV4Format

from mlops_actions.sdk_errors import in_definition, reason


def raised(load: Callable[[str], Any], file: Path, content: object) -> Exception:
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever the SDK takes
        load(str(file))
    assert isinstance(caught.value, Exception)
    return caught.value


@pytest.mark.parametrize(
    ("load", "content", "line", "expected"),
    [
        (load_environment, {"name": "x", "image": [1]}, 2, "image: Not a valid string."),
        (load_environment, {"name": "x", "pictures": 1, "image": "a"}, 2, "pictures: Unknown field."),
        (load_data, {"name": "x", "type": "uri_folder"}, None, "path: Missing data for required field."),
        (load_compute, {"name": "x", "type": "blue"}, None, "Unknown compute type: blue"),
        (
            load_job,
            {"type": "pipeline", "jobs": {"a": {"type": "command", "component": "./gone.yaml"}}},
            5,
            "jobs.a.component: No such file or directory: {folder}/gone.yaml",
        ),
    ],
)
def test_a_definition_is_refused_in_one_line(
    tmp_path: Path, load: Callable[[str], Any], content: object, line: int | None, expected: str
) -> None:
    file = tmp_path / "file.yaml"
    error = in_definition(raised(load, file, content), file, "is wrong")
    assert str(error) == f"{file} is wrong: {expected.format(folder=tmp_path)}"
    assert (error.file, error.line) == (str(file), line)


def test_the_services_words_without_its_codes() -> None:
    error = HttpResponseError("(ValidationError) No vmSize.\nCode: ValidationError\nMessage: No vmSize.")
    error.error = ODataV4Format({"code": "ValidationError", "message": "No\nvmSize."})
    assert reason(error) == "No vmSize."


def test_coloured_help_is_left_out() -> None:
    text = "\n\x1b[37m\x1b[39m\n1) One or more files do not exist.\n\nDetails: \x1b[31m\n(x) No file x\x1b[39m\n"
    assert reason(ValueError(f"{text}\nResolutions: \n1) Double-check the path\nIf using the CLI")) == "No file x"


def test_a_report_that_is_no_json_is_told_as_it_is() -> None:
    assert reason(ValueError("Validation for X failed:\n {oops")) == "Validation for X failed: {oops"


def test_an_error_without_a_word_is_told_by_its_name() -> None:
    assert reason(KeyError()) == "KeyError"


def test_it_is_never_endless() -> None:
    assert len(reason(ValueError("word " * 10_000))) <= 600
