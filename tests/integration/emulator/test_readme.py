"""The example of the emulator's README: what it says happens if its files are copied."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Emulator

README = Path("emulator/README.md").read_text()
FILE = re.compile(r"^```\w+\n# (?P<name>[\w.]+\.\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SAID = re.compile(r"^\$ cat (?P<file>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.conformance("the README's example")
def test_the_example_does_what_is_said(emulator: Emulator, tmp_path: Path) -> None:
    for match in FILE.finditer(README):
        (tmp_path / match["name"]).write_text(match["text"])
    assert {file.name for file in tmp_path.iterdir()} >= {"submit.py", "pipeline.yml"}
    command = [Path(sys.executable).parent / "azureml-emulator", "exec", "--state", emulator.settings.state]
    done = subprocess.run(
        [*command, "--", sys.executable, "submit.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = SAID.search(README)
    assert said
    assert (tmp_path / said["file"]).read_text() == said["text"]
