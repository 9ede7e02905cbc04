"""The command line and the JSON object INPUTS say the same; what a function returns or raises is what a step shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from mlops_actions import cli
from mlops_actions.cli import FAILED, USAGE, run
from mlops_actions.errors import ActionError


@dataclass(frozen=True)
class Shared:
    """Inputs that several actions share.

    Attributes:
        client_id: whom to sign in as

    """

    client_id: str | None = None


@dataclass(frozen=True)
class Outputs:
    first_name: str
    changed: bool = True
    metrics: Mapping[str, float] = field(default_factory=dict)
    nothing: str | None = None


class PartlyDoneError(ActionError):
    def __init__(self, message: str, outputs: Outputs) -> None:
        super().__init__(message)
        self.outputs = outputs


class Action:
    """An action's function that notes how it was called."""

    def __init__(self) -> None:
        self.arguments: dict[str, Any] = {}
        self.answer: Callable[[], Outputs] = lambda: Outputs("one")

    @property
    def function(self) -> Callable[..., Outputs]:
        def probe(
            *,
            file: Path,
            state: Literal["running", "stopped"] = "running",
            globs: tuple[str, ...] = (),
            inputs: Mapping[str, str] | None = None,
            timeout_minutes: float = 20,
            wait: bool = True,
            shared: Shared = Shared(),
        ) -> Outputs:
            """Try it.

            Args:
                file: file to read
                state: state to bring it to
                globs: globs
                inputs: inputs
                timeout_minutes: how long
                wait: whether to wait
                shared: inputs that others have too

            """
            self.arguments = {
                "file": file,
                "state": state,
                "globs": globs,
                "inputs": inputs,
                "timeout_minutes": timeout_minutes,
                "wait": wait,
                "shared": shared,
            }
            return self.answer()

        probe.__annotations__ = {**probe.__annotations__, **_real_annotations()}
        return probe


def _real_annotations() -> dict[str, Any]:
    return {
        "file": Path,
        "state": Literal["running", "stopped"],
        "globs": tuple[str, ...],
        "inputs": Mapping[str, str] | None,
        "timeout_minutes": float,
        "wait": bool,
        "shared": Shared,
        "return": Outputs,
    }


@pytest.fixture
def action(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Action:
    noted = Action()
    module = types.ModuleType("probe_action")
    module.probe = noted.function  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "probe_action", module)
    monkeypatch.setitem(cli.ACTIONS, "probe", "probe_action:probe")
    monkeypatch.chdir(tmp_path)
    for name in ("INPUTS", "RUNNER_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    return noted


def with_inputs(monkeypatch: pytest.MonkeyPatch, inputs: object) -> int:
    monkeypatch.setenv("INPUTS", inputs if isinstance(inputs, str) else json.dumps(inputs))
    return run(["probe"])


FLAGS = [
    "probe",
    "--file=a b.yaml",
    "--state=stopped",
    "--globs=a/*.yaml",
    "--globs=-b.yaml",
    "--inputs=epochs=5",
    "--inputs=a/b.c=x=y",
    "--timeout-minutes=0.5",
    "--wait=false",
    "--client-id=me",
]
INPUTS = {
    "file": "a b.yaml",
    "state": "stopped",
    "globs": "  a/*.yaml\n\n-b.yaml\n",
    "inputs": "epochs=5\n a/b.c = x=y \n",
    "timeout-minutes": "0.5",
    "wait": "false",
    "client-id": "me",
}


def test_flags_and_inputs_are_one(action: Action, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(FLAGS) == 0
    by_flags = action.arguments
    assert by_flags == {
        "file": Path("a b.yaml"),
        "state": "stopped",
        "globs": ("a/*.yaml", "-b.yaml"),
        "inputs": {"epochs": "5", "a/b.c": "x=y"},
        "timeout_minutes": 0.5,
        "wait": False,
        "shared": Shared("me"),
    }
    assert with_inputs(monkeypatch, INPUTS) == 0
    assert action.arguments == by_flags


def test_an_empty_input_is_not_given(action: Action, monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_inputs(monkeypatch, {**dict.fromkeys(INPUTS, ""), "file": "x"}) == 0
    assert action.arguments == {
        "file": Path("x"),
        "state": "running",
        "globs": (),
        "inputs": None,
        "timeout_minutes": 20,
        "wait": True,
        "shared": Shared(),
    }


def test_flags_win_over_inputs(action: Action, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INPUTS", json.dumps(INPUTS))
    assert run(["probe", "--file=other"]) == 0
    assert action.arguments["state"] == "running"


@pytest.mark.parametrize("value", ["$(touch x)", "--state=stopped", "-x", "'\"", "a\nb", "ä 🐼"])
def test_no_value_is_taken_for_anything_else(action: Action, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert with_inputs(monkeypatch, {"file": "x", "client-id": value}) == 0
    assert action.arguments["shared"] == Shared(value)
    assert action.arguments["state"] == "running"


def test_outputs(action: Action, tmp_path: Path) -> None:
    action.answer = lambda: Outputs("two\nlines", changed=False, metrics={"accuracy": 0.5})
    assert run(["probe", "--file=x"]) == 0
    text = (tmp_path / "output").read_text()
    assert [line.partition("<<")[0] for line in text.splitlines() if "<<" in line] == [
        "first-name",
        "changed",
        "metrics",
        "nothing",
    ]
    assert "\ntwo\nlines\n" in text
    assert '\n{"accuracy": 0.5}\n' in text
    assert "\nfalse\n" in text


def test_an_action_error_is_one_annotation_at_its_place(action: Action, capsys: pytest.CaptureFixture[str]) -> None:
    def answer() -> Outputs:
        raise ActionError("it is wrong: mend it", file="x.yaml", line=7)

    action.answer = answer
    assert run(["probe", "--file=x"]) == FAILED
    captured = capsys.readouterr()
    assert captured.out == "::error file=x.yaml,line=7::it is wrong: mend it\n"
    assert captured.err == ""


def test_outputs_of_a_failure_are_set_too(action: Action, tmp_path: Path) -> None:
    def answer() -> Outputs:
        raise PartlyDoneError("half of it", Outputs("half"))

    action.answer = answer
    assert run(["probe", "--file=x"]) == FAILED
    assert "\nhalf\n" in (tmp_path / "output").read_text()


@pytest.mark.parametrize("debug", [False, True])
def test_the_unforeseen_is_one_line_and_a_traceback_only_for_debugging(
    action: Action, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], debug: bool
) -> None:
    def answer() -> Outputs:
        raise ZeroDivisionError("two\nlines")

    action.answer = answer
    monkeypatch.setenv("RUNNER_DEBUG", "1" if debug else "")
    assert run(["probe", "--file=x"]) == FAILED
    captured = capsys.readouterr()
    [line] = captured.out.splitlines()
    assert line.startswith("::error::mlops probe failed unexpectedly (ZeroDivisionError: two lines)")
    assert ("Traceback" in captured.err) is debug


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["probe"], "--file"),
        (["probe", "--file=x", "--state=gone"], "gone"),
        (["probe", "--file=x", "--nope=1"], "--nope"),
        (["probe", "--file=x", "--timeout-minutes=soon"], "soon"),
        (["probe", "--file=x", "--wait=perhaps"], "perhaps"),
        (["probe", "--file=x", "--inputs=epochs"], "epochs"),
        (["probe", "positional"], "--file"),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_usage_errors(action: Action, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str) -> None:
    assert run(arguments) == USAGE
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("::error::mlops ")
    assert named in line
    assert action.arguments == {}


@pytest.mark.parametrize("inputs", ["{", "[]", '{"file": 1}', '"x"'])
def test_inputs_that_are_no_object_of_strings(
    action: Action, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], inputs: str
) -> None:
    assert with_inputs(monkeypatch, inputs) == FAILED
    assert "INPUTS is not" in capsys.readouterr().out
    assert action.arguments == {}


def test_an_unknown_input_is_a_usage_error(action: Action, monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_inputs(monkeypatch, {"file": "x", "fiel": "y"}) == USAGE
    assert action.arguments == {}


def test_dotenv_fills_in_and_overrides_nothing(action: Action, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    monkeypatch.setenv("PROBE_SET", "from the environment")
    monkeypatch.setenv("PROBE_UNSET", "x")
    monkeypatch.delenv("PROBE_UNSET")
    (tmp_path / ".env").write_text("PROBE_SET=from the file\nPROBE_UNSET=from the file\n")
    seen: dict[str, str | None] = {}

    def answer() -> Outputs:
        seen.update({name: os.environ.get(name) for name in ("PROBE_SET", "PROBE_UNSET")})
        return Outputs("x")

    action.answer = answer
    try:
        assert run(["probe", "--file=x"]) == 0
    finally:
        os.environ.pop("PROBE_UNSET", None)
    assert seen == {"PROBE_SET": "from the environment", "PROBE_UNSET": "from the file"}


def test_a_runner_reads_no_dotenv(action: Action, tmp_path: Path) -> None:
    """It would be a repository's, and AZURE_AUTHORITY_HOST in it would be told the secret."""
    (tmp_path / ".env").write_text("PROBE_UNSET=from the file\nPATH=.\n")
    assert run(["probe", "--file=x"]) == 0
    assert "PROBE_UNSET" not in os.environ


def test_no_program_that_is_started_can_read_the_inputs(action: Action, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def answer() -> Outputs:
        seen.extend((os.environ.get("INPUTS"), os.environ.get("INPUT_CLIENT-ID")))
        return Outputs("x")

    action.answer = answer
    monkeypatch.setenv("INPUT_CLIENT-ID", "me")
    assert with_inputs(monkeypatch, INPUTS) == 0
    assert seen == [None, None]


def test_a_nul_in_an_input_is_refused(
    action: Action, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert with_inputs(monkeypatch, {"file": "x", "client-id": "a\0b"}) == FAILED
    assert capsys.readouterr().out == (
        "::error::client-id has a NUL character in it, which no path, name or text can have\n"
    )
    assert action.arguments == {}


def test_bytes_that_are_no_text_are_refused(
    action: Action, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert with_inputs(monkeypatch, {"file": "x", "client-id": "a\udc80b"}) == FAILED
    assert capsys.readouterr().out == "::error::client-id is not text in UTF-8\n"
    assert action.arguments == {}


def test_pairs_as_json_may_hold_anything(action: Action, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = {"a": "x\ny=z\n", "b": "=", "c": ""}
    assert with_inputs(monkeypatch, {"file": "x", "inputs": json.dumps(pairs)}) == 0
    assert action.arguments["inputs"] == {"a": "x\ny=z\n", "b": "="}


@pytest.mark.parametrize("pairs", ['{"a": 1}', '{"a": "b"', "{a=b}"])
def test_pairs_that_are_no_json(action: Action, monkeypatch: pytest.MonkeyPatch, pairs: str) -> None:
    assert with_inputs(monkeypatch, {"file": "x", "inputs": pairs}) == USAGE
    assert action.arguments == {}


@pytest.mark.parametrize("path", ["../other", "/etc/passwd", "link/passwd", "a/../../other", "circle", "x" * 61_440])
def test_a_path_out_of_the_workspace_is_refused(
    action: Action, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    (tmp_path / "workspace").mkdir()
    monkeypatch.chdir(tmp_path / "workspace")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "workspace"))
    Path("link").symlink_to("/etc")
    Path("circle").symlink_to("../circle")
    (tmp_path / "circle").symlink_to("workspace/circle")
    assert with_inputs(monkeypatch, {"file": path}) == FAILED
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("::error::file: ")
    assert action.arguments == {}


@pytest.mark.parametrize("value", ["a\u2028b=c", "a\x0bb=c", "a\x85b=c"])
def test_only_line_breaks_end_a_line(action: Action, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert with_inputs(monkeypatch, {"file": "x", "inputs": f"key={value}"}) == 0
    assert action.arguments["inputs"] == {"key": value}


@pytest.mark.parametrize("command", list(cli.ACTIONS))
def test_each_command_describes_itself_and_its_flags(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"mlops {command}" in shown
    assert "--" in shown


def test_no_command_loads_what_it_has_no_use_for() -> None:
    """Neither Azure's SDK (a second and a half) for what is not Azure's, nor for a call that ends before it."""
    code = (
        "import sys; from mlops_actions.cli import action_function, ACTIONS\n"
        "[action_function(command) for command in ACTIONS]\n"
        "print([m for m in sys.modules if m.partition('.')[0] in {'azure', 'marshmallow', 'requests'}])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_installed_command_says_usage_errors_by_its_exit_status(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("mlops")
    environment = {name: value for name, value in os.environ.items() if name not in {"INPUTS", "GITHUB_ACTIONS"}}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )

    assert call("ensure-compute", "--state=asleep").returncode == USAGE
    failed = call("ensure-compute", "--file=missing.yaml")
    assert (failed.returncode, failed.stdout) == (FAILED, "")
    assert failed.stderr == "error: there is no file missing.yaml (the compute definition)\n"
    assert call("--help").returncode == 0
