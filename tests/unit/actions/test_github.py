"""No value that a step handles can forge an output, an annotation or a command to the runner."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mlops_actions import github
from tests.runner_rules import outputs_in


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    return tmp_path


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "one",
        "two\nlines",
        "ends with a newline\n",
        "x=y",
        "a<<b",
        "EOF",
        "name<<EOF\nforged\nEOF",
        "ghadelimiter_1",
    ],
)
def test_an_output_arrives_as_it_was_whatever_it_holds(runner: Path, value: str) -> None:
    github.set_outputs({"first": value, "second": "after"})
    github.set_outputs({"third": "of another call"})
    found = outputs_in((runner / "output").read_text())
    assert found == {"first": value, "second": "after", "third": "of another call"}


def test_delimiters_cannot_be_foreseen(runner: Path) -> None:
    github.set_outputs({"a": "1", "b": "2"})
    delimiters = {line.partition("<<")[2] for line in (runner / "output").read_text().splitlines() if "<<" in line}
    assert len(delimiters) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (Path("a/b"), "a/b"),
        ("text", "text"),
        ({"b": 1.5, "a": None}, '{"a": null, "b": 1.5}'),
        ([{"kind": "data", "name": "cats"}], '[{"kind": "data", "name": "cats"}]'),
        (("a", "b"), '["a", "b"]'),
    ],
)
def test_values_as_outputs(value: object, text: str) -> None:
    assert github.as_output(value) == text


def test_a_list_of_objects_keeps_the_order_of_its_keys() -> None:
    assert list(json.loads(github.as_output([{"kind": "data", "asset": "x"}]))[0]) == ["kind", "asset"]


@pytest.mark.parametrize(
    ("level", "message", "place", "expected"),
    [
        ("error", "broken", {}, "::error::broken"),
        ("warning", "50%\r\nmore", {}, "::warning::50%25%0D%0Amore"),
        ("error", "a: b, c", {"file": "x.yaml", "line": 3}, "::error file=x.yaml,line=3::a: b, c"),
        ("notice", "odd", {"file": "a,b:c%.yaml"}, "::notice file=a%2Cb%3Ac%25.yaml::odd"),
        ("error", "line without a file", {"line": 3}, "::error::line without a file"),
        ("error", "x\n::add-mask::y", {}, "::error::x%0A::add-mask::y"),
    ],
)
@pytest.mark.usefixtures("runner")
def test_annotations(
    capsys: pytest.CaptureFixture[str], level: github.Level, message: str, place: dict[str, object], expected: str
) -> None:
    github.annotate(level, message, **place)  # type: ignore[arg-type]
    assert capsys.readouterr().out == f"{expected}\n"


@pytest.mark.usefixtures("laptop")
def test_an_annotation_on_a_laptop_is_a_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    github.annotate("error", "50% of it", file="x.yaml", line=3)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "x.yaml:3: error: 50% of it\n")


@pytest.mark.usefixtures("runner")
def test_each_line_of_a_secret_is_masked_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    github.mask("first%line\r\n{\n  second line  \n")
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["::add-mask::first%25line", "::add-mask::second line"]
    assert all(line.startswith("::add-mask::") for line in said)
    assert "::add-mask::{" not in said


@pytest.mark.usefixtures("laptop")
def test_a_secret_is_not_printed_on_a_laptop(capsys: pytest.CaptureFixture[str]) -> None:
    github.mask("secret")
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.usefixtures("runner")
def test_a_group_is_closed_after_an_error_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), github.group("a\nb"):
        raise RuntimeError
    assert capsys.readouterr().out.splitlines() == ["::group::a%0Ab", "::endgroup::"]


@pytest.mark.usefixtures("runner")
def test_commands_are_off_while_foreign_lines_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with github.untrusted_lines():
        sys.stdout.write("::error::from a job's log\n")
    first, middle, last = capsys.readouterr().out.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert len(token) == 32
    assert middle == "::error::from a job's log"
    assert last == f"::{token}::"


def test_a_summary_is_its_template_filled_in_and_added(runner: Path) -> None:
    template = runner / "template.md"
    template.write_text("### $name\n")
    github.summarize(template, {"name": "one"})
    github.summarize(template, {"name": "two"})
    assert (runner / "summary").read_text() == "### one\n\n### two\n\n"


def test_a_template_that_wants_more_than_it_gets_is_an_error(runner: Path) -> None:
    template = runner / "template.md"
    template.write_text("$missing")
    with pytest.raises(KeyError):
        github.summarize(template, {})


def test_a_cell_stays_a_cell() -> None:
    assert github.table_cell("a|b\n<script>\\") == "a\\|b &lt;script>\\\\"


@pytest.mark.parametrize("missing", [None, "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"])
def test_the_address_of_the_run(monkeypatch: pytest.MonkeyPatch, missing: str | None) -> None:
    known = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "owner/name", "GITHUB_RUN_ID": "12"}
    for name, value in known.items():
        monkeypatch.setenv(name, "" if name == missing else value)
    assert github.run_url() == (None if missing else "https://github.com/owner/name/actions/runs/12")
