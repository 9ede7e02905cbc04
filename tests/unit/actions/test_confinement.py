"""A runner's step reads and writes in the workspace, and in the part of RUNNER_TEMP that is nobody else's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from mlops_actions.confinement import confine
from mlops_actions.definition_files import confine_definition
from mlops_actions.errors import ActionError

INSIDE = [
    *(".", "", "inner", "new/folder", "fine/x", "inner/../x", "./-x", "$(x)", "..x", "circle", "to-temp/Dockerfile"),
    *("{workspace}", "{workspace}/inner", "{real}/inner", "{temp}/docker-context/Dockerfile"),
]
OUTSIDE = [
    *("..", "../real2", "/", "/etc/passwd", "inner/../../secrets/key", "out", "out/key", "absolute", "missing"),
    *("fine/../../x", "{workspace}x", "{temp}", "{temp}/..", "{temp}/_runner_file_commands/set_env"),
    *("{temp}/kubeconfig-x", "{temp}/docker-config-1/config.json", "{temp}/attended-jobs"),
]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace that is reached by a link, with links in it, beside a folder of secrets."""
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "workspace").symlink_to("real")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").touch()
    (tmp_path / "temp" / "_runner_file_commands").mkdir(parents=True)
    workspace = tmp_path / "workspace"
    (workspace / "fine").symlink_to("inner")
    (workspace / "out").symlink_to("../secrets")
    (workspace / "absolute").symlink_to(tmp_path / "secrets" / "key")
    (workspace / "missing").symlink_to("../nowhere")
    (workspace / "circle").symlink_to("circle")
    (workspace / "to-temp").symlink_to("../temp/docker-context")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(workspace))
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path / "temp"))
    monkeypatch.chdir(workspace)
    return workspace


@pytest.mark.parametrize("path", INSIDE)
def test_what_is_in_there(workspace: Path, path: str) -> None:
    given = Path(path.format(workspace=workspace, real=workspace.parent / "real", temp=workspace.parent / "temp"))
    assert confine(given, "file") == given


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_is_not(workspace: Path, path: str) -> None:
    given = Path(path.format(workspace=workspace, temp=workspace.parent / "temp"))
    with pytest.raises(ActionError, match=r"^file: .* leads to /.*, which is not in the workspace /"):
        confine(given, "file")


def test_without_a_workspace_it_is_the_working_folder(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE")
    monkeypatch.delenv("RUNNER_TEMP")
    assert confine(Path("inner"), "file") == Path("inner")
    with pytest.raises(ActionError):
        confine(Path("../secrets"), "file")


def test_a_laptop_is_its_owners(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert confine(Path("/etc/passwd"), "file") == Path("/etc/passwd")


def check(file: str, document: object, **inputs: str) -> None:
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document))
    confine_definition(path, yaml.safe_load(path.read_text()), inputs)


@pytest.mark.parametrize(
    "document",
    [
        {"code": "../../../secrets"},
        {"code": "../code"},  # has a link out of it
        {"code": "../linked"},  # has a link to a folder with a link out of it
        {"jobs": {"train": {"code": "{root}/secrets"}}},
        {"jobs": {"train": {"component": "../component.yaml"}}},  # whose code is outside
        {"jobs": {"train": {"component": "file:../component.yaml"}}},
        {"jobs": {"sweep": {"trial": "../component.yaml"}}},
        {"environment": {"conda_file": "../../out/key"}},
        {"environment": {"build": {"path": "../../out"}}},
        {"inputs": {"data": {"type": "uri_file", "path": "../../absolute"}}},
        {"inputs": {"data": {"type": "uri_file", "path": "file:{root}/secrets/key"}}},
        {"inputs": {"data": {"type": "uri_file", "path": "file://{root}/secrets/key"}}},
        {"path": "/etc/passwd"},
        {"additional_includes": ["../fine", "../../out/key"]},
    ],
    ids=str,
)
def test_a_definition_that_names_what_is_outside(workspace: Path, document: dict[str, object]) -> None:
    for folder in ("ml/code", "ml/linked", "ml/fine"):
        (workspace / folder).mkdir(parents=True)
    (workspace / "ml/code/data").symlink_to("../../../secrets/key")
    (workspace / "ml/linked/code").symlink_to("../code")
    (workspace / "ml/component.yaml").write_text("type: command\ncode: ../out\n")
    text = json.dumps(document).replace("{root}", str(workspace.parent))
    with pytest.raises(ActionError, match=r"\.yaml, .* leads to /.*, which is not in the workspace /") as raised:
        check("ml/jobs/pipeline.yaml", json.loads(text))
    assert raised.value.file is not None
    assert raised.value.line


def test_an_input_of_data_that_is_outside(workspace: Path) -> None:
    document = {"inputs": {"data": {"type": "uri_file", "path": "azureml:cats:1"}, "text": "x"}}
    check("pipeline.yaml", document, data="azureml:dogs@latest", text="../secrets/key")
    with pytest.raises(ActionError, match=r"inputs\.data: .*secrets/key"):
        check("pipeline.yaml", document, data="../secrets/key")


def test_a_definition_that_stays_inside(workspace: Path) -> None:
    for folder in ("ml/code", "ml/jobs"):
        (workspace / folder).mkdir(parents=True)
    (workspace / "ml/code/shared").symlink_to("../../inner")
    (workspace / "ml/code/.amlignore").write_text("venv\n")
    (workspace / "ml/code/venv").mkdir()
    (workspace / "ml/code/venv/python").symlink_to("/usr/bin/python3")
    (workspace / "ml/component.yaml").write_text("type: command\ncode: code\ntrial: component.yaml\n")
    jobs = {
        "a": {"component": "../component.yaml", "code": "../code", "environment": "azureml:e@latest"},
        "b": {"component": "azureml://registries/r/components/c/versions/1", "command": "cat /etc/passwd"},
        "c": {"inputs": {"x": {"path": "https://x.example/../../etc"}, "y": {"path": "/not/there"}}, "file": ""},
    }
    check("ml/jobs/pipeline.yaml", {"description": "/etc/passwd", "path": "a\n/etc/passwd", "jobs": jobs})


def test_a_definition_of_aliases_of_aliases_ends(workspace: Path) -> None:
    lines = ["a0: &a0 {code: inner}"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    confine_definition(Path("x.yaml"), yaml.safe_load("\n".join(lines)))
