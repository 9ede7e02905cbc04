"""What is generated is what it is generated from says today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def generate(*flags: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "docs" / "generate.py"), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def copy(root: Path) -> None:
    pages = ("docs/actions.md", "docs/emulator-coverage.md", "docs/emulator-conformance.md", "README.md")
    for name in ("docs/generate.py", *pages, "actions/ensure-compute/action.yml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((ROOT / name).read_bytes())


def test_the_documentation_is_up_to_date() -> None:
    result = generate("--check")
    assert result.returncode == 0, result.stderr


def test_drift_is_found_and_mended(tmp_path: Path) -> None:
    copy(tmp_path)  # one action only: so the page and the table differ
    stale = generate("--check", root=tmp_path)
    assert stale.returncode == 1
    differing = "docs/actions.md, README.md, docs/emulator-conformance.md differ from what they are written from"
    assert stale.stderr.startswith(differing)
    assert (tmp_path / "README.md").read_bytes() == (ROOT / "README.md").read_bytes(), "--check writes nothing"
    assert generate(root=tmp_path).returncode == 0
    assert generate("--check", root=tmp_path).returncode == 0
    assert "kube-deploy" not in (tmp_path / "docs" / "actions.md").read_text("utf-8")


def test_a_readme_without_the_marks_is_an_error_and_not_overwritten(tmp_path: Path) -> None:
    copy(tmp_path)
    (tmp_path / "README.md").write_text("# mine\n")
    result = generate(root=tmp_path)
    assert result.returncode == 1
    assert "are to enclose the table of actions" in result.stderr
    assert (tmp_path / "README.md").read_text() == "# mine\n"
