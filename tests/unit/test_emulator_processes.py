"""Ending what the emulator started, whatever has become of it meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from azureml_emulator import processes

PARENT = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"


def start() -> tuple[subprocess.Popen[str], int]:
    """A process in a session of its own, and the id of its child there."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    return process, int(process.stdout.readline())


def ended(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while processes.began_at(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return processes.began_at(pid) is None


def test_children_end_with_their_parent(tmp_path: Path) -> None:
    parent, child = start()
    processes.end(processes.record(tmp_path, "parent", parent.pid))
    parent.wait()
    assert ended(child)


def test_children_of_a_killed_parent_end_too(tmp_path: Path) -> None:
    parent, child = start()
    file = processes.record(tmp_path, "parent", parent.pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert processes.began_at(child) is not None
    processes.end(file)
    assert ended(child)
    assert not file.exists()


def test_an_id_that_is_anothers_by_now_is_left_alone(tmp_path: Path) -> None:
    parent, child = start()
    file = tmp_path / "parent"
    file.write_text(f"{parent.pid} 1")
    processes.end(file)
    assert processes.began_at(parent.pid) is not None
    assert processes.began_at(child) is not None
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
