import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from azureml_emulator import lifecycle, processes
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
print([e.name for e in ml.environments.list()])
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
