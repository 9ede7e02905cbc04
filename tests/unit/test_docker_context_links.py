"""deploy.yml hands over no file of the runner's own that a symbolic link in the Docker context leads to."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from sandbox.paths import ROOT
from tests.runner_rules import commands_in

STEP = "Look for links out of the workspace"


def look(workspace: Path, context: str = "inference") -> subprocess.CompletedProcess[str]:
    """Run the step as a runner does."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())
    [step] = [step for step in workflow["jobs"]["fetch"]["steps"] if step["name"] == STEP]
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=workspace,
        env={"PATH": os.environ["PATH"], "GITHUB_WORKSPACE": str(workspace), "CONTEXT": context},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "secret").touch()
    (tmp_path / "workspace" / "inference" / "inner").mkdir(parents=True)
    return tmp_path / "workspace"


@pytest.mark.parametrize("target", ["../shared.py", "inner", "inner/../x", "missing"])
def test_links_inside(workspace: Path, target: str) -> None:
    (workspace / "inference" / "a link").symlink_to(target)
    done = look(workspace)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "..", "../.."])
@pytest.mark.parametrize("name", ["x", "inner/$(touch x)", "new\n::error::line"])
def test_links_outside(workspace: Path, target: str, name: str) -> None:
    target = target if target.startswith("/") else f"{'../' * name.count('/')}{target}"
    if (workspace / "inference" / Path(name).parent / target).resolve() == workspace:
        target += "/.."
    (workspace / "inference" / name).symlink_to(target)
    done = look(workspace)
    assert done.returncode == 1
    [error] = commands_in(done.stdout)
    assert error.name == "error"
    assert "is a link that leads out of the workspace" in error.data
    assert not (workspace / "x").exists(), "the name was run"
