"""Reading .env: what wins, and the line that is wrong, without telling what stands there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from mlops_actions import cli, environment
from mlops_actions.errors import ActionError

ROOT = Path(__file__).parents[3]


def test_what_is_set_wins_and_what_is_empty_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROBE_UNSET", "PROBE_EMPTY"):
        monkeypatch.setenv(name, "x")  # so that it is put back in the end
        monkeypatch.delenv(name)
    monkeypatch.setenv("PROBE_SET", "environment")
    file = tmp_path / ".env"
    file.write_text("# a comment\nPROBE_SET=file\n\nexport PROBE_UNSET='file # and all'\nPROBE_EMPTY=\n")
    environment.load(file)
    assert (os.environ["PROBE_SET"], os.environ["PROBE_UNSET"]) == ("environment", "file # and all")
    assert "PROBE_EMPTY" not in os.environ


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nB='not ended\nC=3\n", 2),
        ("A=1\n\n\n'B' C=secret-84fe\n", 4),
        ("secret-84fe is no = name\n", 1),
    ],
)
def test_a_line_that_is_none(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / ".env"
    file.write_text(text)
    with pytest.raises(ActionError) as raised:
        environment.read(file)
    assert (raised.value.file, raised.value.line) == (str(file), line)
    assert f"line {line} is not NAME=value" in str(raised.value)
    assert "secret-84fe" not in str(raised.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    with pytest.raises(ActionError, match="cannot be read: it is not text in UTF-8"):
        environment.read(tmp_path / ".env")
    with pytest.raises(ActionError, match="cannot be read: Is a directory"):
        environment.read(tmp_path)
    assert environment.read(tmp_path / "nothing") == {}


def test_the_command_says_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    (tmp_path / ".env").write_text("A=1\nB='not ended\n")
    assert cli.run(["ensure-compute", "--name=x"]) == cli.FAILED
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith(".env:2: error: .env, line 2 is not NAME=value")
    assert len(said.err.splitlines()) == 1


def test_the_example_is_one_and_its_copy_is_never_committed() -> None:
    assert environment.read(ROOT / ".env.example") == {}
    done = subprocess.run(
        ["git", "check-ignore", ".env", ".mlops/train.json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [".env", ".mlops/train.json"]


def test_the_example_names_every_variable_that_is_read() -> None:
    """Those of a runner are GitHub's to set."""
    sources = "".join(file.read_text() for file in (ROOT / "src" / "mlops_actions").rglob("*.py"))
    names = set(re.findall(r'environ(?:ment)?(?:\.get)?[(\[]"([A-Z0-9_]+)"', sources))
    assert {"AZURE_CREDENTIALS", "IMAGE"} <= names
    laptops = {name for name in names if not name.startswith(("GITHUB_", "ACTIONS_", "RUNNER_")) and name != "INPUTS"}
    example = (ROOT / ".env.example").read_text()
    assert {name for name in laptops if f"\n{name}=\n" not in example} == set()
