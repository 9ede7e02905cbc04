import os
import signal
from pathlib import Path

import pytest

from sandbox.processes import Daemon, SandboxError, began_at, proportional_set_size, wait_for


def test_a_daemon_is_started_once_and_ended_by_its_id(tmp_path: Path) -> None:
    daemon = Daemon("sleeper", tmp_path)
    daemon.start(["sleep", "60"])
    pid = daemon.pid()
    assert pid is not None
    daemon.start(["sleep", "60"])
    assert daemon.pid() == pid
    daemon.stop()
    assert daemon.pid() is None
    assert began_at(pid) is None


def test_a_reused_process_id_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "pid").mkdir()
    (tmp_path / "pid" / "other").write_text(f"{os.getpid()} 1")
    daemon = Daemon("other", tmp_path)
    assert daemon.pid() is None
    daemon.stop()  # ends nothing: this very process would be the victim


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    daemon = Daemon("stubborn", tmp_path)
    daemon.start(["bash", "-c", "trap '' TERM; echo ready; while :; do read -t 60 <> <(:); done"])
    wait_for("the trap", lambda: "ready" in daemon.last_lines(), seconds=5)
    daemon.stop(seconds=0.2)
    assert daemon.pid() is None


def test_after_kill_9_it_starts_again(tmp_path: Path) -> None:
    daemon = Daemon("sleeper", tmp_path)
    daemon.start(["sleep", "60"])
    pid = daemon.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for("its end", lambda: daemon.pid() is None, seconds=5)
    daemon.start(["sleep", "60"])
    assert daemon.pid() not in {None, pid}
    daemon.stop()


def test_waiting_names_what_it_gave_up_on() -> None:
    with pytest.raises(SandboxError, match="waiting for Godot"):
        wait_for("Godot", lambda: False, seconds=0.05, interval=0.01)


def test_what_a_process_holds_in_memory(tmp_path: Path) -> None:
    before = proportional_set_size(os.getpid())
    block = b"x" * (64 << 20)
    grown = proportional_set_size(os.getpid()) - before
    assert 0.9 * len(block) < grown < 1.2 * len(block)
    daemon = Daemon("sleeper", tmp_path)
    daemon.start(["sleep", "60"])
    pid = daemon.pid()
    assert pid is not None
    daemon.stop()
    with pytest.raises((FileNotFoundError, ProcessLookupError)):
        proportional_set_size(pid)
