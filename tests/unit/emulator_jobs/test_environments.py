import fcntl
import subprocess
import threading
from pathlib import Path

import pytest

from azureml_emulator.jobs.environment.builder import Builder
from azureml_emulator.jobs.environment.definition import Canceled, Requirements, UnusableEnvironment
from azureml_emulator.jobs.process.surroundings import surroundings

PLAIN = Requirements(python="3.11")


class Log:
    """A log in memory, with the two methods that a build writes by."""

    def __init__(self) -> None:
        self.text = ""

    def line(self, text: str) -> None:
        self.text += text + "\n"

    def write(self, data: bytes) -> None:
        self.text += data.decode()


def build(builder: Builder, log: Log, requirements: Requirements = PLAIN) -> Path:
    folder = builder.build(requirements, log=log, cancel=threading.Event()).folder
    assert folder is not None
    return folder


def test_an_environment_is_built_once(tmp_path: Path) -> None:
    first, second = Log(), Log()
    builder = Builder(tmp_path, own_proxy=1)
    folder = build(builder, first)
    done = subprocess.run(
        [folder / "bin" / "python", "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()) == folder
    assert build(builder, second) == folder
    assert "Building" in first.text
    assert "found in the cache" in second.text


def test_a_half_built_one_is_never_used(tmp_path: Path) -> None:
    builder = Builder(tmp_path, own_proxy=1)
    folder = build(builder, Log())
    (folder / "built.json").unlink()
    (folder / "bin" / "python").unlink()
    log = Log()
    build(builder, log)
    assert "Building" in log.text
    assert (folder / "bin" / "python").exists()


def test_many_at_once_build_it_once(tmp_path: Path) -> None:
    logs = [Log() for _ in range(4)]
    threads = [threading.Thread(target=build, args=(Builder(tmp_path, own_proxy=1), log)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum("Building" in log.text for log in logs) == 1


def test_a_wait_for_another_build_can_be_canceled(tmp_path: Path) -> None:

    builder = Builder(tmp_path, own_proxy=1)
    folder = build(builder, Log())
    canceled = threading.Event()
    canceled.set()
    with (tmp_path / f"{folder.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Canceled):
            builder.build(PLAIN, log=Log(), cancel=canceled)


def test_another_python_is_taken_and_told(tmp_path: Path) -> None:
    log = Log()
    build(Builder(tmp_path, own_proxy=1), log, Requirements(python="3.99"))
    assert "Python 3.99 is not on this machine; taking the nearest" in log.text


def test_what_uv_says_is_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(UnusableEnvironment, match="not a requirement"):
        build(Builder(tmp_path, own_proxy=1), Log(), Requirements(python="3.11", pip=("not a requirement",)))
    assert not list(tmp_path.glob("*/built.json"))


def test_the_emulators_proxy_and_secrets_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1234")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "secret")
    passed = surroundings(own_proxy=1234)
    assert passed["HTTP_PROXY"] == "http://proxy.example.com:3128"
    assert "HTTPS_PROXY" not in passed
    assert "AZURE_CLIENT_SECRET" not in passed
