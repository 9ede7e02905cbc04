"""The commands and the control endpoint, and who may use it."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from azureml_emulator import identity, lifecycle
from azureml_emulator.faults.client import PATH, Control, ControlError
from azureml_emulator.faults.rules import Rule
from azureml_emulator.settings import ARM_HOST, Settings, load
from tests.integration.conftest import Emulator

COMMAND = str(Path(sys.executable).parent / "azureml-emulator")
FILE = """
seed: 1
rules:
  - {name: throttled, fault: status, status: 429, retry_after: 1, operation: job submit, count: 2}
  - {fault: preempted_node, node: train}
"""


def fault(emulator: Emulator, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "fault", *arguments, "--state", str(emulator.settings.state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.conformance("faults: the commands fault add, list, clear and load")
def test_load_list_add_and_clear(emulator: Emulator, control: Control, tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(FILE)
    assert fault(emulator, "load", str(file)).stdout == "armed: throttled, rule-2\n"
    added = fault(emulator, "add", "slow", "--seconds", "2", "--route", "GET jobs/*", "--probability", "0.5")
    assert added.stdout == "armed: slow\n"
    armed = json.loads(fault(emulator, "list", "--json").stdout)
    assert armed == control.listed()
    assert armed[2] == {
        "name": "slow", "fault": "slow", "route": "GET jobs/*", "seconds": 2, "probability": 0.5,
        "seen": 0, "hits": 0, "spent": False,
    }  # fmt: skip
    table = fault(emulator, "list").stdout
    assert "throttled" in table
    assert "count 2" in table
    assert fault(emulator, "clear", "slow").stdout == "cleared: slow\n"
    assert fault(emulator, "clear").stdout == "cleared: throttled, rule-2\n"
    assert fault(emulator, "list").stdout == "no fault is armed\n"


@pytest.mark.conformance("faults: mistakes in a file of rules are told by their lines")
def test_mistakes_are_lines_on_standard_error(emulator: Emulator, control: Control, tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("- fault: status\n  status: 700\n")
    done = fault(emulator, "load", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"error: {file}:2: status: 700 is not a status of an error: 400 to 599",
        f"error: {file}:1: the fault status needs 'route' or 'operation'",
    ]
    assert fault(emulator, "clear", "nobody").stderr == "error: no fault 'nobody' is armed\n"
    assert fault(emulator, "add", "slow", "--route", "x").stderr == "error: slow: the fault slow needs 'seconds'\n"
    assert control.listed() == []


@pytest.mark.conformance("faults: up --faults, and tokens that live shortly")
def test_an_emulator_starts_with_faults_and_tokens_that_live_shortly(tmp_path: Path) -> None:
    state, file = tmp_path / "state", tmp_path / "rules.yml"
    file.write_text(FILE)
    command = [COMMAND, "up", "--state", str(state), "--faults", str(file), "--token-lifetime", "20"]
    try:
        subprocess.run(command, check=True, timeout=120, capture_output=True)
        known = load(state)
        assert [one["name"] for one in Control(known).listed()] == ["throttled", "rule-2"]
        assert known.token_lifetime == 20
        assert stat.S_IMODE((state / "settings.json").stat().st_mode) == 0o600
        again = subprocess.run([*command[:-1], "30"], capture_output=True, text=True, timeout=60, check=False)
        assert again.stderr == "error: the emulator's tokens live 20 s: end it with `down` first\n"
        file.write_text("rules: []")
        subprocess.run(command, check=True, timeout=120, capture_output=True)
        assert Control(known).listed() == []
    finally:
        lifecycle.down(state)


def test_a_file_with_mistakes_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("- {}\n")
    command = [COMMAND, "up", "--state", str(tmp_path / "state"), "--faults", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "rules.yml:1: no 'fault': status, reset, " in done.stderr
    assert not (tmp_path / "state").exists()


def tokens(known: Settings) -> dict[str, str]:
    return {
        "nothing": "",
        "a client's access token": identity.access_token(known, f"https://{ARM_HOST}"),
        "the client's secret": known.client_secret,
        "GitHub's": known.github_request_token,
    }


@pytest.mark.conformance("trust: faults are armed with the control token alone")
@pytest.mark.parametrize("which", ["nothing", "a client's access token", "the client's secret", "GitHub's"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_only_the_control_token_opens_it(
    emulator_environment: Emulator, control: Control, which: str, method: str
) -> None:
    known = emulator_environment.settings
    control.arm([Rule("kept", "reset", route="never")])
    token = tokens(known)[which]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for base in (f"https://127.0.0.1:{known.ports.api}", f"https://{ARM_HOST}"):
        assert httpx.request(method, f"{base}{PATH}", headers=headers, json={"rules": []}).status_code == 401
    assert [one["name"] for one in control.listed()] == ["kept"]


def test_the_control_token_is_told_to_nobody(emulator: Emulator) -> None:
    known = emulator.settings
    assert known.control_token
    assert known.control_token not in lifecycle.environment(known).values()


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"rules": 1}', '{"rules": [1]}', '{"rules": [{"fault": "reset"}]}', "\ud800"]
)
def test_a_bad_request_is_told_what_is_wrong(emulator_environment: Emulator, control: Control, body: str) -> None:
    known = emulator_environment.settings
    url = f"https://127.0.0.1:{known.ports.api}{PATH}"
    headers = {"Authorization": f"Bearer {known.control_token}"}
    answer = httpx.post(url, headers=headers, content=body.encode(errors="surrogatepass"))
    assert answer.status_code == 400
    assert all(answer.json()["mistakes"])
    assert control.listed() == []


def test_a_stranger_is_told_that_no_emulator_is_there(emulator: Emulator, tmp_path: Path) -> None:
    command = [COMMAND, "fault", "list", "--state", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr[:28]) == (1, "error: no emulator runs for ")
    with pytest.raises(ControlError, match="no fault 'x/y' is armed"):
        Control(emulator.settings).clear("x/y")
