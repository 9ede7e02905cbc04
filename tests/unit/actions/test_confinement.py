"""A runner's step reads and writes in the workspace, and in the part of RUNNER_TEMP that is nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.confinement import confine
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


def test_the_place_of_what_is_wrong(workspace: Path) -> None:
    with pytest.raises(ActionError) as raised:
        confine(Path("../x"), "code", file=Path("a.yaml"), line=3)
    assert (raised.value.file, raised.value.line) == ("a.yaml", 3)
