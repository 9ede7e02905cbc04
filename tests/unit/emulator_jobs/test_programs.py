import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from azureml_emulator.jobs.process.programs import COOKIE, Ended, run

FAMILY = """
import subprocess, sys, pathlib
wait = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"]
children = [subprocess.Popen(wait), subprocess.Popen(wait, start_new_session=True)]
print(*(c.pid for c in children), flush=True)
{then}
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Output:
    def __init__(self) -> None:
        self.text = b""
        self.seen = threading.Event()

    def __call__(self, data: bytes) -> None:
        self.text += data
        if data:
            self.seen.set()


def python(code: str, output: Output, cancel: threading.Event, folder: Path, **fields: float) -> Ended:
    environment = {"PATH": "/usr/bin:/bin", COOKIE: uuid.uuid4().hex}
    command = [sys.executable, "-c", code]
    return run(command, folder=folder, environment=environment, output=output, cancel=cancel, **fields)  # type: ignore[arg-type]


def test_output_and_exit_code_come_back(tmp_path: Path) -> None:
    output = Output()
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    ended = python(code, output, threading.Event(), tmp_path)
    assert ended.exit_code == 7
    assert sorted(ended.last_lines) == ["err", "out"]
    assert sorted(output.text.split()) == [b"err", b"out"]


def test_a_cancel_ends_the_whole_tree(tmp_path: Path) -> None:
    output, cancel, ended = Output(), threading.Event(), list[Ended]()
    code = FAMILY.format(then="import time; time.sleep(600)")
    thread = threading.Thread(target=lambda: ended.append(python(code, output, cancel, tmp_path)))
    thread.start()
    assert output.seen.wait(30)
    cancel.set()
    thread.join(30)
    assert ended[0].canceled
    assert not [pid for pid in output.text.split() if alive(int(pid))]


def test_what_a_program_leaves_running_is_ended(tmp_path: Path) -> None:
    output = Output()
    ended = python(FAMILY.format(then=""), output, threading.Event(), tmp_path)
    assert ended.exit_code == 0
    pids = [int(pid) for pid in output.text.split()]
    assert len(pids) == 2
    assert not [pid for pid in pids if alive(pid)]


def test_a_program_that_closed_its_output_can_be_ended(tmp_path: Path) -> None:
    began = time.monotonic()
    code = "import os, time; os.close(1); os.close(2); time.sleep(600)"
    assert python(code, Output(), threading.Event(), tmp_path, timeout=1).timed_out
    assert time.monotonic() - began < 30


def test_much_output_is_kept_whole(tmp_path: Path) -> None:
    output = Output()
    ended = python("for i in range(200_000): print(i)", output, threading.Event(), tmp_path)
    assert output.text.split() == [str(i).encode() for i in range(200_000)]
    assert ended.last_lines[-1] == "199999"


DAEMON = """
import os, subprocess, sys, time
command = {command}
daemon = subprocess.Popen(command, env={{}}, start_new_session=True)
print(daemon.pid, flush=True)
time.sleep(0.3)
"""


@pytest.mark.parametrize("command", [["/bin/sleep", "600"], ["/usr/bin/yes"]], ids=["silent", "endless"])
def test_a_daemon_without_a_trace_ends_with_the_program(tmp_path: Path, command: list[str]) -> None:
    output = Output()
    ended = python(DAEMON.format(command=command), output, threading.Event(), tmp_path)
    assert ended.exit_code == 0
    [pid] = [word for word in output.text.split() if word.isdigit()]
    assert not alive(int(pid))


def test_very_long_lines_are_cut_in_what_is_told_of_an_error(tmp_path: Path) -> None:
    output = Output()
    ended = python("print('x' * 60000 + 'end'); print('last', end='')", output, threading.Event(), tmp_path)
    assert len(output.text) == 60008
    assert [len(line) for line in ended.last_lines] == [4096, 4]
    assert ended.last_lines[0].endswith("end")
