"""Tests of `make test` itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import paths
from sandbox.checks import _Checks

CLEANS_UP = """
import pathlib, sys, time
try:
    print("begun", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1)  # longer than subprocess.run waits
    pathlib.Path(sys.argv[1]).touch()
"""
CALLER = """
import sys
from rich.console import Console
from sandbox.checks import _Checks
_Checks(Console(stderr=True)).run("tests", sys.argv[1:])
"""


def test_an_interrupt_waits_for_what_the_tests_have_to_end(tmp_path: Path) -> None:
    cleaned = tmp_path / "cleaned"
    command = [sys.executable, "-c", CALLER, sys.executable, "-c", CLEANS_UP, str(cleaned)]
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT)}
    caller = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    )
    assert caller.stdout is not None
    assert caller.stdout.readline() == b"begun\n"
    # As a terminal does at Ctrl-C: to all of the group.
    os.killpg(caller.pid, signal.SIGINT)
    assert caller.wait(30) != 0
    assert cleaned.exists()


@pytest.mark.parametrize(("status", "failed"), [(0, []), (3, ["tests"])])
def test_it_names_what_failed(status: int, failed: list[str], tmp_path: Path) -> None:
    checks = _Checks(Console(quiet=True))
    log = tmp_path / "log"
    ended_well = checks.run("tests", [sys.executable, "-c", f"print('told'); exit({status})"], log=log)
    assert (ended_well, checks.failed, log.read_text()) == (not failed, failed, "told\n")
