import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from azureml_emulator import lifecycle, processes
from azureml_emulator.lifecycle import EmulatorError
from azureml_emulator.settings import Settings

COMMAND = [str(Path(sys.executable).parent / "azureml-emulator")]
CREATE_AND_LIST = """
import os, sys
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Environment
from azure.identity import DefaultAzureCredential
names = ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_ML_WORKSPACE")
ml = MLClient(DefaultAzureCredential(), *(os.environ[name] for name in names))
for name in sys.argv[1:]:
    ml.environments.create_or_update(Environment(name=name, version="1", image="debian:12"))
print([e.name for e in ml.environments.list() if not e.name.startswith("AzureML-")])
"""


def emulator_command(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, arguments[0], "--state", str(state), *arguments[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A second emulator beside the session's, to end and to kill."""
    state = tmp_path_factory.mktemp("own")
    yield lifecycle.up(state)
    lifecycle.down(state)


def test_up_again_leaves_it_running(own: Settings) -> None:
    pid = processes.running(own.state / "pid" / "emulator")
    assert emulator_command("up", state=own.state).returncode == 0
    assert processes.running(own.state / "pid" / "emulator") == pid


def test_what_was_acknowledged_survives_a_kill(own: Settings) -> None:
    done = emulator_command("exec", "--", sys.executable, "-c", CREATE_AND_LIST, "kept", state=own.state)
    assert "kept" in done.stdout, done.stderr
    pid = processes.running(own.state / "pid" / "emulator")
    azurite = processes.running(own.state / "pid" / "azurite")
    assert pid
    assert azurite
    os.kill(pid, signal.SIGKILL)
    assert emulator_command("up", state=own.state).returncode == 0
    assert processes.began_at(azurite) is None or processes.running(own.state / "pid" / "azurite") != azurite
    done = emulator_command("exec", "--", sys.executable, "-c", CREATE_AND_LIST, state=own.state)
    assert done.stdout.strip() == "['kept']", done.stderr


def test_the_environment_reaches_the_command_alone(own: Settings) -> None:
    done = emulator_command(
        "exec", "--", sys.executable, "-c", "import os; print(os.environ['HTTPS_PROXY'])", state=own.state
    )
    assert done.stdout.strip() == f"http://127.0.0.1:{own.ports.proxy}"
    variables = json.loads(emulator_command("env", "--json", state=own.state).stdout)
    assert variables["AZURE_ML_WORKSPACE"] == own.workspace
    assert Path(variables["REQUESTS_CA_BUNDLE"]).is_absolute()


def test_exec_hands_the_exit_status_on(own: Settings) -> None:
    assert emulator_command("exec", "--", "false", state=own.state).returncode == 1
    done = emulator_command("exec", "--", "no-such-program", state=own.state)
    assert (done.returncode, done.stderr) == (1, "error: no-such-program cannot be run: No such file or directory\n")


def test_a_signal_reaches_the_command_itself(own: Settings) -> None:
    arguments = ["exec", "--state", str(own.state), "--", "sh", "-c", "echo $$; exec sleep 600"]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert int(process.stdout.readline()) == process.pid
        process.terminate()
        assert process.wait(timeout=10) == -signal.SIGTERM


def test_a_proxy_of_the_users_own_does_not_win(own: Settings) -> None:
    code = "import urllib.request; print(urllib.request.getproxies_environment()['https'])"
    command = [*COMMAND, "exec", "--state", str(own.state), "--", sys.executable, "-c", code]
    others = {**os.environ, "https_proxy": "http://127.0.0.1:9", "no_proxy": "management.azure.com"}
    done = subprocess.run(command, env=others, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == f"http://127.0.0.1:{own.ports.proxy}"
    assert lifecycle.environment(own)["no_proxy"] == "127.0.0.1,localhost"


def test_the_server_alone_ends_what_it_started(own: Settings) -> None:
    pids = {file.name: processes.running(file) for file in (own.state / "pid").iterdir()}
    emulator = pids["emulator"]
    assert emulator
    os.kill(emulator, signal.SIGTERM)
    deadline = time.monotonic() + 30
    while processes.began_at(emulator) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert {name: processes.began_at(pid) for name, pid in pids.items() if pid} == dict.fromkeys(pids)
    assert emulator_command("up", state=own.state).returncode == 0


def test_a_start_that_fails_names_the_cause(tmp_path: Path) -> None:
    state = tmp_path / "state"
    lifecycle.up(state)
    lifecycle.down(state)
    shutil.rmtree(state / "azurite")
    (state / "azurite").write_text("a file where a folder must be")
    with pytest.raises(EmulatorError, match="did not start: Azurite did not start; see"):
        lifecycle.up(state)
    assert [processes.running(file) for file in (state / "pid").iterdir()] == []


@pytest.mark.parametrize("command", ["up", "reset"])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, command: str) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = emulator_command(command, state=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_reset_forgets_everything(tmp_path: Path) -> None:
    state = tmp_path / "state"
    before = lifecycle.up(state)
    assert emulator_command("reset", state=state).returncode == 0
    assert {file.name for file in state.iterdir()} <= {"lock"}
    try:
        # The SDK's cache on disk knows the components of the former one by its subscription.
        assert lifecycle.up(state).subscription_id != before.subscription_id
    finally:
        lifecycle.down(state)


def test_everything_listens_on_loopback_only(own: Settings) -> None:
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ours = {f"{port:04X}" for port in vars(own.ports).values()}
    addresses = {line.split()[1].split(":")[0] for line in listening if line.split()[1].split(":")[1] in ours}
    assert addresses == {"0100007F"}


def test_without_an_emulator_the_way_to_one_is_said(tmp_path: Path) -> None:
    done = emulator_command("status", state=tmp_path)
    assert done.returncode == 1
    assert "start it with `azureml-emulator up`" in done.stderr


def test_down_ends_everything(own: Settings) -> None:
    pids = [processes.running(file) for file in (own.state / "pid").iterdir()]
    assert len(pids) >= 2
    assert emulator_command("down", state=own.state).returncode == 0
    assert [processes.began_at(pid) for pid in pids if pid] == [None] * len(pids)
