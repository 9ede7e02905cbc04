"""The command where something is wrong with what it is given or where it runs: one line that tells, nothing left."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from azureml_emulator import azurite, processes, settings

COMMAND = str(Path(sys.executable).parent / "azureml-emulator")


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The finished command; variables of `environment` are added to this process's, without a value removed."""
    variables = {name: value for name, value in {**os.environ, **environment}.items() if value}
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False, env=variables
    )


def is_told(done: subprocess.CompletedProcess[str], told: str) -> bool:
    """Whether a command failed with one line that says so."""
    lines = done.stderr.splitlines()
    return done.returncode == 1 and len(lines) == 1 and lines[0].startswith("error: ") and told in lines[0]


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    done = command("up", "--state", str(tmp_path / "file" / "state"))
    assert is_told(done, f"{tmp_path / 'file' / 'state'}: Not a directory"), done.stderr


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    done = command("up", "--state", str(tmp_path / "state"), XDG_CACHE_HOME=str(tmp_path / "file"))
    assert is_told(done, f"{tmp_path / 'file'}"), done.stderr


@pytest.mark.parametrize("damage", ["{", "[]", '{"ports": {}}', "\0"])
def test_damaged_settings_are_told_and_can_be_reset(tmp_path: Path, damage: str) -> None:
    (tmp_path / "settings.json").write_text(damage)
    for verb in ("up", "status"):
        assert is_told(command(verb, "--state", str(tmp_path)), "`azureml-emulator reset`"), verb
    assert command("reset", "--state", str(tmp_path)).returncode == 0
    assert not (tmp_path / "settings.json").exists()


def test_npm_tells_what_went_wrong(tmp_path: Path) -> None:
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        at = f"http://127.0.0.1:{refusing.getsockname()[1]}/"
        done = command(
            "up",
            *("--state", str(tmp_path / "state")),
            XDG_CACHE_HOME=str(tmp_path / "cache"),
            npm_config_cache=str(tmp_path / "npm"),
            npm_config_registry=at,
            npm_config_replace_registry_host="always",
            npm_config_omit_lockfile_registry_resolved="true",
            npm_config_fetch_retries="0",
        )
    assert "ECONNREFUSED" in done.stderr, done.stderr
    assert "A complete log" not in done.stderr
    assert "Traceback" not in done.stderr


def test_npm_trusts_what_the_machine_trusts() -> None:
    assert azurite.npm_environment({"PATH": "/bin"})["NODE_USE_SYSTEM_CA"] == "1"
    assert azurite.npm_environment({"NODE_USE_SYSTEM_CA": "0"})["NODE_USE_SYSTEM_CA"] == "0"


def test_without_a_path(tmp_path: Path) -> None:
    state = tmp_path / "state"
    try:
        assert command("up", "--state", str(state), PATH="").returncode == 0
    finally:
        command("reset", "--state", str(state))


def test_an_interrupted_start_leaves_nothing_running(tmp_path: Path) -> None:
    state = tmp_path / "state"
    variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
    # Whoever runs the tests in the background of a script has them ignore an interrupt, and all that they start.
    interruptible = ("env", "--default-signal=INT", COMMAND, "up", "--state", str(state))
    start = subprocess.Popen(interruptible, env=variables, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    # The server that is being started carries the mark of its state folder.
    while not processes.carriers(f"{processes.OWNER}={processes.owner(state)}".encode()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    start.send_signal(signal.SIGINT)
    _, told = start.communicate(timeout=60)
    assert start.returncode == 128 + signal.SIGINT
    assert "Traceback" not in told
    assert processes.carriers(f"{processes.OWNER}={processes.owner(state)}".encode()) == []


def test_ports_that_others_took_are_replaced(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    before = settings.load_or_create(state)
    with socket.socket() as other:
        other.bind(("127.0.0.1", before.ports.api))
        other.listen()
        try:
            assert command("up", "--state", str(state)).returncode == 0
            assert settings.load(state).ports.api != before.ports.api
        finally:
            command("reset", "--state", str(state))


def test_the_table_of_coverage_is_whole_in_a_pipe() -> None:
    done = command("coverage")
    assert "…" not in done.stdout
    assert "EnvironmentContainers_CreateOrUpdate" in done.stdout
