"""register-assets when uploads break, answers are lost and the step is killed: what is listed in the end is whole."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, load_component
from azure.storage.blob import ContainerClient

from azureml_emulator.faults import validation
from azureml_emulator.faults.client import Control
from mlops_actions import network, register_assets
from mlops_actions.assets.plan import CONTENT, Plan
from tests.integration.conftest import Emulator
from tests.integration.emulator_faults.conftest import Arm, arm, control, hits

from .conftest import Action, WriteYaml, as_inputs
from .test_interruption import until

__all__ = ["arm", "control"]

FILES = {f"{number}.txt": f"words of file {number}\n" * 3000 for number in range(5)}
ALL = {"components": "project/show.yaml", "data": "project/words.yaml"}


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex[:8]


@pytest.fixture
def project(write_yaml: WriteYaml, tag: str, tmp_path: Path) -> Path:
    """A component and data whose files are new to the workspace."""
    component = {
        "name": f"show_{tag}",
        "version": "1",
        "type": "command",
        "command": "python show.py",
        "code": "src",
        "environment": {"image": "debian:12"},
    }
    write_yaml("project/show.yaml", component)
    write_yaml("project/src/show.py", f"print('{tag}')\n")
    write_yaml("project/words.yaml", {"name": f"words-{tag}", "version": "1", "type": "uri_folder", "path": "w"})
    for name, text in FILES.items():
        write_yaml(f"project/w/{name}", tag + text)
    network.transport.cache_clear()  # whose connections would be those of the tests before
    return tmp_path / "project"


def stored(emulator: Emulator, client: MLClient, tag: str) -> dict[str, str]:
    """The data's files as they are in the storage."""
    prefix = str(client.data.get(f"words-{tag}", "1").path).partition("/paths/")[2]
    known = emulator.settings
    with ContainerClient(known.blob_url, "azureml-blobstore", credential=known.storage_key) as container:
        names = container.list_blob_names(name_starts_with=prefix)
        return {name.rpartition("/")[2]: container.download_blob(name).readall().decode() for name in names}


def whole(tag: str) -> dict[str, str]:
    return {name: tag + text for name, text in FILES.items()}


def statuses(outputs: dict[str, str]) -> list[str]:
    return [asset["status"] for asset in json.loads(outputs["assets"])]


@pytest.mark.usefixtures("project")
@pytest.mark.fault(
    "assets: the connection to the storage breaks in the middle of uploads",
    "each request is sent again; what is registered is whole",
)
def test_uploads_that_break_off(  # noqa: PLR0917 - fixtures
    action: Action, emulator: Emulator, ml_client: MLClient, arm: Arm, control: Control, tag: str
) -> None:
    arm("reset", tunnel="*.blob.core.windows.net", after_bytes=20_000, count=3)
    ran = action("register-assets", **ALL)
    assert ran.status == 0, ran.log
    assert hits(control)["reset"] == 3
    assert re.search(r"PUT \S+\.blob\.core\.windows\.net/\S+: .+; sent again", ran.log), ran.log
    control.clear()
    assert stored(emulator, ml_client, tag) == whole(tag)


@pytest.mark.usefixtures("project")
@pytest.mark.fault(
    "assets: the answer to a registration is lost",
    "it is sent again, and is the same version",
)
def test_a_registration_whose_answer_is_lost(
    action: Action, ml_client: MLClient, arm: Arm, control: Control, tag: str
) -> None:
    arm("reset", route="PUT components/*/versions/*", count=1, performed=True)
    ran = action("register-assets", **ALL)
    assert ran.status == 0, ran.log
    assert hits(control) == {"reset": 1}
    assert [one.version for one in ml_client.components.list(f"show_{tag}")] == ["1"]
    assert statuses(action("register-assets", **ALL).outputs) == ["unchanged", "unchanged"]


@pytest.mark.usefixtures("project")
@pytest.mark.fault(
    "assets: 429 and 503 while they are registered",
    "it waits as it is told, and sends the request again",
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_is_busy(action: Action, arm: Arm, control: Control, status: int) -> None:
    arm("status", status=status, retry_after=1, route="PUT data/*/versions/*", count=2)
    ran = action("register-assets", **ALL)
    assert statuses(ran.outputs) == ["created", "created"]
    assert hits(control) == {"status": 2}
    assert f"answered {status}" in ran.log


@pytest.mark.usefixtures("project")
@pytest.mark.fault(
    "assets: the step is killed in the middle of an upload",
    "nothing half is listed; the next run uploads what is missing and registers it whole",
)
def test_a_step_that_is_killed_while_it_uploads(
    action: Action, emulator: Emulator, ml_client: MLClient, control: Control, tag: str
) -> None:
    # The first connection lets some of it through, and those after it hold the rest back.
    held = {"fault": "slow", "tunnel": "*.blob.core.windows.net", "seconds": 60, "after": 1}
    control.arm([validation.read(held, name="held")])
    inputs = {name: value for name, value in ALL.items() if name == "data"}
    command = [sys.executable, "-c", "from mlops_actions.cli import main; main()", "register-assets"]
    environment = {**os.environ, "INPUTS": as_inputs(dict(inputs))}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until("the upload has begun", lambda: control.listed()[0]["seen"] >= 1)
        process.kill()
        process.wait(30)
    control.clear()
    assert [one.name for one in ml_client.data.list() if one.name == f"words-{tag}"] == []
    ran = action("register-assets", **ALL)
    assert statuses(ran.outputs) == ["created", "created"]
    assert stored(emulator, ml_client, tag) == whole(tag)


@pytest.mark.fault(
    "assets: a part of the files is in the storage, from an upload that nobody finished",
    "all are uploaded anew and registered whole",
)
def test_an_upload_of_which_a_part_is_there(
    action: Action, emulator: Emulator, ml_client: MLClient, write_yaml: WriteYaml, project: Path, *, tag: str
) -> None:
    """Not its first file, by which the SDK tells that there is a part."""
    assert action("register-assets", **ALL).status == 0
    known = emulator.settings
    prefix = str(ml_client.data.get(f"words-{tag}", "1").path).partition("/paths/")[2]
    with ContainerClient(known.blob_url, "azureml-blobstore", credential=known.storage_key) as container:
        first = min(container.list_blob_names(name_starts_with=prefix))
        container.delete_blob(first)
    write_yaml("project/words.yaml", {"name": f"words-{tag}", "version": "2", "type": "uri_folder", "path": "w"})
    ran = action("register-assets", data=ALL["data"])
    assert statuses(ran.outputs) == ["created"], ran.log
    assert stored(emulator, ml_client, tag) == whole(tag)


@pytest.mark.usefixtures("project", "action")
@pytest.mark.fault(
    "assets: two workflows register the same at once",
    "both succeed, with the same versions",
)
def test_two_that_register_the_same_at_once(ml_client: MLClient, emulator: Emulator, tag: str) -> None:
    command = [sys.executable, "-c", "from mlops_actions.cli import main; main()", "register-assets"]
    environment = {**os.environ, "INPUTS": as_inputs(dict(ALL))}

    def register(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(register, range(2)))
    assert [one.returncode for one in both] == [0, 0], [one.stdout + one.stderr for one in both]
    assert [one.version for one in ml_client.data.list(f"words-{tag}")] == ["1"]
    assert [one.version for one in ml_client.components.list(f"show_{tag}")] == ["1"]
    assert stored(emulator, ml_client, tag) == whole(tag)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("same", [True, False])
def test_a_version_that_another_workflow_takes_meanwhile(
    action: Action, ml_client: MLClient, tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, same: bool
) -> None:
    """Two uploads of one folder at once are two code assets: only our mark tells that the components are the same."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "show.py").write_text(f"print('{tag} by another')\n")
    register = register_assets._register

    def second(client: MLClient, plan: Plan, entity: object) -> dict[str, str]:
        if plan.source.kind == "component":
            first = load_component(str(plan.source.file), params_override=[{"code": str(tmp_path / "other")}])
            first.properties[CONTENT] = plan.content if same else "something else"
            ml_client.components.create_or_update(first)
        return register(client, plan, entity)

    monkeypatch.setattr(register_assets, "_register", second)
    ran = action("register-assets", **ALL)
    if same:
        assert ran.status == 0, ran.log
        assert statuses(ran.outputs) == ["unchanged", "created"]
    else:
        assert ran.status == 1
        assert "exists with another definition" in ran.error
    assert [one.version for one in ml_client.components.list(f"show_{tag}")] == ["1"]
