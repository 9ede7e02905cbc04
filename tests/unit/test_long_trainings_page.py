"""The workflows of docs/long-trainings.md give run-aml-pipeline inputs that it has, and read outputs that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "long-trainings.md").read_text(encoding="utf-8")
WORKFLOWS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_it_shows_a_pair() -> None:
    assert [yaml.safe_load(text)["name"] for text in WORKFLOWS] == ["Train", "Follow"]


@pytest.mark.parametrize("text", WORKFLOWS)
def test_inputs_and_outputs(text: str) -> None:
    action = yaml.safe_load((ROOT / "actions" / "run-aml-pipeline" / "action.yml").read_text(encoding="utf-8"))
    (job,) = yaml.safe_load(text)["jobs"].values()
    (step,) = (one for one in job["steps"] if "run-aml-pipeline" in one.get("uses", ""))
    assert set(step["with"]) <= set(action["inputs"])
    read = set(re.findall(r"steps\.pipeline\.outputs\.([\w-]+)", text))
    assert read
    assert read <= set(action["outputs"])
