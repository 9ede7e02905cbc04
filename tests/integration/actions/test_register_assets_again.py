"""register-assets once more, on what is registered already: unchanged, changed, and by others."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, load_data
from azure.core.exceptions import ResourceNotFoundError

from azureml_emulator.faults import validation
from azureml_emulator.faults.client import Control
from mlops_actions import network
from tests.integration.conftest import Emulator

from .conftest import ENVIRONMENT_YAML, Action, Ran, WriteYaml

ALL = {"environments": "project/tools.yaml", "components": "project/show.yaml", "data": "project/words.yaml"}


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex[:8]


@pytest.fixture
def control(emulator: Emulator) -> Iterator[Control]:
    control = Control(emulator.settings)
    control.clear()
    yield control
    control.clear()


@pytest.fixture
def environment(write_yaml: WriteYaml, tag: str) -> Callable[..., None]:
    """Writes the YAML of an environment."""

    def write(**fields: object) -> None:
        write_yaml("project/tools.yaml", {**ENVIRONMENT_YAML, "name": f"tools-{tag}", **fields})

    return write


@pytest.fixture
def project(write_yaml: WriteYaml, environment: Callable[..., None], tag: str, tmp_path: Path) -> Path:
    environment()
    component = {
        "name": f"show_{tag}",
        "version": "1",
        "type": "command",
        "command": "python show.py",
        "code": "src",
        "environment": f"azureml:tools-{tag}@latest",
    }
    write_yaml("project/show.yaml", component)
    write_yaml("project/src/show.py", "print('hello')\n")
    data = {"name": f"words-{tag}", "version": "1", "type": "uri_folder", "path": "w", "tags": {"language": "en"}}
    write_yaml("project/words.yaml", data)
    write_yaml("project/w/words.txt", "some words")
    return tmp_path / "project"


def told(ran: Ran) -> list[tuple[str, str, str]]:
    assert ran.status == 0, ran.log
    return [(asset["kind"], asset["version"], asset["status"]) for asset in json.loads(ran.outputs["assets"])]


def counted(control: Control) -> dict[str, int]:
    """How often each rule was looked at."""
    return {one["name"]: one["seen"] for one in control.listed()}


def test_nothing_to_do_writes_nothing_and_asks_no_storage(action: Action, project: Path, control: Control) -> None:
    expected = [(kind, "1", "created") for kind in ("environment", "component", "data")]
    assert told(action("register-assets", **ALL)) == expected
    # Not the time of a file counts, but what is in it.
    for file in project.rglob("*"):
        os.utime(file, (1, 1))
    # Delays of no time, to count what they would strike.
    counting = {"storage": {"tunnel": "*.blob.core.windows.net"}, "puts": {"route": "PUT **"}}
    control.arm(validation.read({"fault": "slow", "seconds": 0, **aim}, name=name) for name, aim in counting.items())
    network.transport.cache_clear()  # by whose open connections the storage would be reached uncounted
    again = action("register-assets", **ALL)
    assert told(again) == [(kind, "1", "unchanged") for kind in ("environment", "component", "data")]
    assert again.outputs["changed"] == "false"
    # No tunnel to the storage was as much as opened: not one byte went up.
    assert counted(control) == {"storage": 0, "puts": 0}

    (project / "w" / "words.txt").write_text("other words")
    assert action("register-assets", **ALL, on_conflict="next-version").status == 0
    assert min(counted(control).values()) > 0


@pytest.mark.fault(
    "assets: a version is taken by another content",
    "an error at the YAML's line before anything is registered; with `on-conflict: next-version` the next version",
)
def test_a_changed_one_is_refused_before_anything_is_registered(
    action: Action, project: Path, write_yaml: WriteYaml, ml_client: MLClient, tag: str
) -> None:
    assert action("register-assets", components="", environments=ALL["environments"], data=ALL["data"]).status == 0
    write_yaml("project/w/words.txt", "other words")
    ran = action("register-assets", **ALL)
    text = f"::error file=project/words.yaml,line=2::data words-{tag} of project/words.yaml was not registered: "
    text += "version 1 exists with another content: raise the version, or set on-conflict: next-version"
    assert ran.error == text
    with pytest.raises(ResourceNotFoundError):
        ml_client.components.get(f"show_{tag}", "1")


@pytest.mark.fault(
    "assets: a version is taken by another content",
    "an error at the YAML's line before anything is registered; with `on-conflict: next-version` the next version",
)
def test_a_changed_one_gets_the_next_version(
    action: Action, project: Path, write_yaml: WriteYaml, ml_client: MLClient, tag: str
) -> None:
    assert action("register-assets", **ALL).status == 0
    write_yaml("project/w/words.txt", "other words")
    given = {**ALL, "on_conflict": "next-version"}
    one, other = [(kind, "1", "unchanged") for kind in ("environment", "component")]
    assert told(action("register-assets", **given)) == [one, other, ("data", "2", "created")]
    assert told(action("register-assets", **given)) == [one, other, ("data", "2", "unchanged")]
    assert ml_client.data.get(f"words-{tag}", label="latest").version == "2"
    # What was once is new again, for those who ask for the latest.
    write_yaml("project/w/words.txt", "some words")
    assert told(action("register-assets", **given))[-1] == ("data", "3", "created")


@pytest.mark.fault("assets: what a component refers to as @latest has changed", "the component counts as changed, too")
def test_a_component_changes_with_its_environment(
    action: Action, project: Path, environment: Callable[..., None], ml_client: MLClient, tag: str
) -> None:
    """It refers to the latest: to say that it is unchanged would leave it with the old one."""
    assert action("register-assets", **ALL).status == 0
    environment(version="2", image="debian:13")
    assert "version 1 exists with another content" in action("register-assets", **ALL).error
    ran = action("register-assets", **ALL, on_conflict="next-version")
    assert told(ran) == [("environment", "2", "created"), ("component", "2", "created"), ("data", "1", "unchanged")]
    assert ml_client.components.get(f"show_{tag}", "2").environment.endswith(f"/tools-{tag}/versions/2")


def test_a_dry_run(
    action: Action, project: Path, environment: Callable[..., None], ml_client: MLClient, tag: str
) -> None:
    ran = action("register-assets", **ALL, dry_run="true")
    assert told(ran) == [(kind, "1", "create") for kind in ("environment", "component", "data")]
    assert ran.outputs["changed"] == "false"
    assert "3 of 3 planned (dry run)" in ran.summary
    assert f"create    component show_{tag}:1" in ran.log
    for operations, name in ((ml_client.environments, f"tools-{tag}"), (ml_client.data, f"words-{tag}")):
        with pytest.raises(ResourceNotFoundError):
            operations.get(name, "1")

    assert action("register-assets", **ALL).status == 0
    environment(image="debian:13")
    # It ends as the registration would.
    assert (
        "version 1 exists with another content"
        in action("register-assets", environments=ALL["environments"], dry_run="true").error
    )


def test_a_description_and_tags_are_no_content(
    action: Action, project: Path, environment: Callable[..., None], ml_client: MLClient, tag: str
) -> None:
    given = {"environments": ALL["environments"]}
    assert action("register-assets", **given).status == 0
    environment(description="for all", tags={"team": "vision"})
    assert told(action("register-assets", **given)) == [("environment", "1", "updated")]
    found = ml_client.environments.get(f"tools-{tag}", "1")
    assert (found.description, found.tags["team"]) == ("for all", "vision")
    assert told(action("register-assets", **given)) == [("environment", "1", "unchanged")]


@pytest.mark.fault(
    "assets: a version was registered by something else", "it is sent as it is: unchanged, or Azure's own error"
)
def test_what_something_else_registered(
    action: Action, project: Path, write_yaml: WriteYaml, ml_client: MLClient, tag: str
) -> None:
    ml_client.data.create_or_update(load_data("project/words.yaml"))
    given = {"data": ALL["data"]}
    assert told(action("register-assets", **given, dry_run="true")) == [("data", "1", "check")]
    assert told(action("register-assets", **given)) == [("data", "1", "unchanged")]
    write_yaml("project/w/words.txt", "other words")
    assert "if the content changed, raise the version" in action("register-assets", **given).error
    assert told(action("register-assets", **given, on_conflict="next-version")) == [("data", "2", "created")]


@pytest.mark.fault("assets: the version is archived", "it is brought back")
def test_an_archived_version_is_brought_back(action: Action, project: Path, ml_client: MLClient, tag: str) -> None:
    given = {"data": ALL["data"]}
    assert action("register-assets", **given).status == 0
    ml_client.data.archive(f"words-{tag}", version="1")
    assert told(action("register-assets", **given)) == [("data", "1", "updated")]
    assert [found.version for found in ml_client.data.list(f"words-{tag}")] == ["1"]
