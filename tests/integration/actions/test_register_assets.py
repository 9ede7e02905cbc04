"""register-assets against the emulator."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import ResourceNotFoundError

from .conftest import ENVIRONMENT_YAML, Action, WriteYaml

COMMAND = "cat ${{inputs.words}}"


@pytest.fixture
def tag() -> str:
    """What tells this test's names from those of others."""
    return uuid.uuid4().hex[:8]


@pytest.fixture
def project(write_yaml: WriteYaml, tag: str, tmp_path: Path) -> Path:
    """Files of all three kinds, that need one another."""
    write_yaml("project/environment/tools.yaml", {**ENVIRONMENT_YAML, "name": f"tools-{tag}"})
    for name in ("first", "second"):
        write_yaml(
            f"project/components/{name}/{name}.yaml",
            {
                "name": f"{name}_{tag}",
                "version": "1",
                "type": "command",
                "command": COMMAND,
                "code": "src",
                "environment": f"azureml:tools-{tag}@latest",
                "inputs": {"words": {"type": "uri_folder"}},
            },
        )
        write_yaml(f"project/components/{name}/src/{name}.py", "print('hello')\n")
    write_yaml("project/data/words.yaml", {"name": f"words-{tag}", "version": "1", "type": "uri_folder", "path": "w"})
    write_yaml("project/data/w/words.txt", "some words")
    return tmp_path / "project"


GIVEN = {
    # In no order that would do, the ones of each kind on lines of their own.
    "data": "project/data/*.yaml\n",
    "components": "project/components/second/*.yaml\n\n  project/components/*/*.yaml\n",
    "environments": "project/environment/*.yaml",
}


def names(assets: str) -> list[tuple[str, str, str]]:
    return [(asset["kind"], asset["name"], asset["status"]) for asset in json.loads(assets)]


def test_all_kinds_each_after_what_it_needs(action: Action, project: Path, ml_client: MLClient, tag: str) -> None:
    ran = action("register-assets", **GIVEN)
    assert ran.status == 0, ran.log
    order = [("environment", f"tools-{tag}"), ("component", f"second_{tag}"), ("component", f"first_{tag}")]
    order.append(("data", f"words-{tag}"))
    assert names(ran.outputs["assets"]) == [(*asset, "created") for asset in order]
    assert {asset["version"] for asset in json.loads(ran.outputs["assets"])} == {"1"}
    assert ml_client.components.get(f"second_{tag}", "1").command == COMMAND
    assert "4 of 4 registered" in ran.summary
    # Each upload at the asset that it was for, though all of them are registered side by side.
    assert (
        f"| data | words-{tag} | 1 | created | 10 B | [in Studio](https://ml.azure.com/data/words-{tag}/1/"
        in ran.summary
    )
    assert (
        f"| component | first_{tag} | 1 | created | 15 B | [in Studio](https://ml.azure.com/component/" in ran.summary
    )
    assert (
        f"| environment | tools-{tag} | 1 | created | 0 B | [in Studio](https://ml.azure.com/environments/"
        in ran.summary
    )

    again = action("register-assets", **GIVEN)
    assert names(again.outputs["assets"]) == [(*asset, "unchanged") for asset in order]
    assert (ran.outputs["changed"], again.outputs["changed"]) == ("true", "false")
    assert "4 of 4 registered. Uploaded: 0 B." in again.summary


def test_changed_content_of_a_version_that_exists(
    action: Action, project: Path, write_yaml: WriteYaml, tag: str
) -> None:
    assert action("register-assets", environments=GIVEN["environments"]).status == 0
    file = "project/environment/tools.yaml"
    write_yaml(file, {**ENVIRONMENT_YAML, "name": f"tools-{tag}", "image": "debian:13"})
    ran = action("register-assets", environments=file)
    assert ran.error.startswith(f"::error file={file},line=2::environment tools-{tag} of {file} was not registered: ")
    assert "raise the version" in ran.error


def test_without_a_version_each_content_gets_the_next(
    action: Action, project: Path, write_yaml: WriteYaml, tag: str
) -> None:
    file = write_yaml("project/data/more.yaml", {"name": f"more-{tag}", "type": "uri_folder", "path": "w"})
    found = []
    for words in ("some words", "some words", "others"):
        write_yaml("project/data/w/words.txt", words)
        (asset,) = json.loads(action("register-assets", data=file).outputs["assets"])
        found.append((asset["version"], asset["status"]))
    assert found == [("1", "created"), ("1", "unchanged"), ("2", "created")]


def test_a_glob_that_matches_nothing(action: Action, project: Path, ml_client: MLClient, tag: str) -> None:
    ran = action("register-assets", environments=GIVEN["environments"], data="project/date/*.yaml")
    assert "data: no file matches 'project/date/*.yaml' in " in ran.error
    # Nothing was registered before that was seen.
    with pytest.raises(ResourceNotFoundError):
        ml_client.environments.get(f"tools-{tag}", "1")


def test_nothing_to_register(action: Action) -> None:
    assert "nothing to register: give globs as environments, components, data" in action("register-assets").error


@pytest.mark.fault("assets: a file is not valid YAML", "an error at its line before anything is registered")
def test_a_file_that_is_not_yaml(action: Action, write_yaml: WriteYaml) -> None:
    write_yaml("broken.yaml", "name: x\nversion: [1\n")
    ran = action("register-assets", components="*.yaml")
    assert ran.error.startswith("::error file=broken.yaml,line=3,col=1::broken.yaml is not valid YAML")


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (
            "environments",
            {"name": "x", "picture": "debian:12"},
            ",line=2,col=1::{} environment: picture: Unknown field.",
        ),
        ("components", {"name": "x", "type": "command"}, "::{} component: command: Missing data for required field."),
        ("data", {"name": "x", "type": "blue", "path": "."}, ",line=2,col=1::{} data asset: type: Must be one of"),
    ],
)
def test_a_file_of_something_else(
    action: Action, write_yaml: WriteYaml, kind: str, content: dict[str, object], expected: str
) -> None:
    write_yaml("wrong.yaml", content)
    ran = action("register-assets", **{kind: "wrong.yaml"})
    told = expected.format("wrong.yaml does not define a valid")
    assert ran.error.startswith(f"::error file=wrong.yaml{told}")


def test_a_folder_of_data_that_does_not_exist(action: Action, write_yaml: WriteYaml, tag: str) -> None:
    write_yaml("data.yaml", {"name": f"lost-{tag}", "version": "1", "type": "uri_folder", "path": "nowhere"})
    ran = action("register-assets", data="data.yaml")
    assert ran.error.startswith(
        f"::error file=data.yaml,line=4,col=7::data lost-{tag} of data.yaml was not registered: "
    )
    assert "nowhere" in ran.error


def test_a_component_whose_environment_does_not_exist(action: Action, project: Path, tag: str) -> None:
    ran = action("register-assets", components="project/components/first/*.yaml")
    assert ran.error.startswith("::error file=project/components/first/first.yaml,line=6,col=14::component ")
    assert f"tools-{tag}" in ran.error


@pytest.mark.fault(
    "assets: one of several cannot be registered",
    "those that need it are not registered, the others are; the summary says which",
)
def test_what_was_registered_before_a_failure_is_told(action: Action, project: Path, write_yaml: WriteYaml) -> None:
    write_yaml("project/data/a.yaml", {"name": "a", "version": "1", "type": "uri_folder", "path": "nowhere"})
    ran = action("register-assets", **GIVEN)
    assert ran.status == 1
    # All the others, whichever is quicker.
    assert "4 of 5 registered" in ran.summary
