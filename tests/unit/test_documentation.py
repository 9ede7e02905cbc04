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
    pages = (
        "docs/actions.md",
        "docs/emulator-coverage.md",
        "docs/emulator-conformance.md",
        "docs/faults.md",
        "README.md",
    )
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
    differing = "docs/actions.md, README.md, docs/emulator-conformance.md, docs/faults.md differ from what they are"
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


def test_a_fault_and_what_happens_are_a_row(tmp_path: Path) -> None:
    copy(tmp_path)
    (tmp_path / "tests").mkdir()
    mark = '@pytest.mark.fault("network: | it rains", "it waits")'
    (tmp_path / "tests" / "test_rain.py").write_text(f"{mark}\ndef test_rain(): ...\n\n{mark}\ndef test_hail(): ...\n")
    assert generate(root=tmp_path).returncode == 0
    row = r"| network: \| it rains | it waits | `tests/test_rain.py::test_rain`<br>`tests/test_rain.py::test_hail` |"
    assert (tmp_path / "docs" / "faults.md").read_text().splitlines()[-1] == row


def test_two_tests_do_not_say_otherwise_of_one_fault(tmp_path: Path) -> None:
    copy(tmp_path)
    (tmp_path / "tests").mkdir()
    marked = [f'@pytest.mark.fault("rain", "{outcome}")\ndef test_{outcome}(): ...\n' for outcome in ("waits", "ends")]
    (tmp_path / "tests" / "test_rain.py").write_text("".join(marked))
    result = generate(root=tmp_path)
    assert result.returncode == 1
    assert "test_ends`: of 'rain' another test says that waits" in result.stderr
