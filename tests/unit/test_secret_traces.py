"""The search for secrets finds one that is there, or none of the tests that find nothing would mean anything."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from sandbox.processes import wait_for
from tests.secret_traces import Watch, in_files, in_text

SECRET = {"canary": "pa/ss+w rd-of-a-bird?"}
WAIT = "import sys; sys.stdin.read()"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "z", "zz", "zzz"])
def test_base64(before: str, after: str) -> None:
    text = f"{before}{SECRET['canary']}{after}".encode()
    assert in_text(b"x " + base64.b64encode(text) + b" y", SECRET) == ["canary"]
    assert in_text(b"x " + base64.urlsafe_b64encode(text) + b" y", SECRET) == ["canary"]


def test_other_forms() -> None:
    assert in_text(f"?p={quote(SECRET['canary'], safe='')}", SECRET) == ["canary"]
    assert in_text('{"a": "one\\nline"}', {"x": "one\nline"}) == ["x"]
    assert in_text("nothing", SECRET) == []


def test_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text(f"\0{SECRET['canary']}\0")
    (tmp_path / "not").write_text(SECRET["canary"])
    assert in_files(tmp_path, SECRET, but={"not"}) == [f"canary in {tmp_path / 'a' / 'b'}"]


@pytest.mark.parametrize("where", ["arguments", "environment"])
def test_processes(where: str) -> None:
    arguments = [SECRET["canary"]] if where == "arguments" else []
    environment = {**os.environ, "X": SECRET["canary"]} if where == "environment" else None
    with Watch(SECRET) as watch:
        before = watch.rounds
        with subprocess.Popen([sys.executable, "-c", WAIT, *arguments], stdin=subprocess.PIPE, env=environment):
            while not watch.found and watch.rounds < before + 500:
                os.sched_yield()
    assert len(watch.found) == 1
    assert watch.found[0].startswith(f"canary in the {where} of ")


STARTS = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"


@pytest.mark.parametrize(
    ("started_by", "allowed"), [(["uv.py"], True), (["uv.py", "mlops.py"], False), (["other.py"], False)]
)
def test_what_is_started_by_one_that_may_know(tmp_path: Path, started_by: list[str], allowed: bool) -> None:
    """uv may start what it likes; what the command starts in its turn may know nothing."""
    for name in started_by:
        (tmp_path / name).write_text(STARTS)
    (tmp_path / "last.py").write_text(WAIT)
    environment = {**os.environ, "X": SECRET["canary"]}
    command = [sys.executable, *started_by, "last.py"]
    knowing = {"uv.py", "mlops.py", "other.py"}
    started = {"stdin": subprocess.PIPE, "env": environment, "cwd": tmp_path}
    watching = Watch(SECRET, allowed_environment=knowing, allowed_to_start={"uv.py"})
    with watching as watch, subprocess.Popen(command, **started):  # type: ignore[call-overload]
        wait_for("the last of them to be seen", lambda: "last.py" in watch.seen_programs, seconds=30)
    assert (watch.found == []) is allowed
