"""Workflows and actions have no finding of zizmor's that is ignored without a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from sandbox.lint.__main__ import LINTERS, _run
from sandbox.lint.files import actions, workflows
from sandbox.paths import ROOT

CONFIGURATION = ROOT / ".github" / "zizmor.yml"


def ignores() -> Iterator[tuple[str, int]]:
    """Where a finding is ignored, in a workflow, an action or another file that zizmor reads."""
    for name in [*workflows(), *actions(), ".pre-commit-config.yaml"]:
        for number, line in enumerate((ROOT / name).read_text().splitlines()):
            if "zizmor:" in line:
                yield name, number


@pytest.mark.parametrize(("name", "number"), list(ignores()))
def test_an_ignore_names_its_rules_and_has_a_reason_above_it(name: str, number: int) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert re.search(r"# zizmor: ignore\[[a-z, -]+\]", lines[number])
    assert re.fullmatch(r"\s*# .{20,}", lines[number - 1])


def test_each_rule_of_the_configuration_has_a_reason() -> None:
    lines = CONFIGURATION.read_text().splitlines()
    for rule in yaml.safe_load(CONFIGURATION.read_text())["rules"]:
        after = lines[lines.index(f"  {rule}:") + 1]
        assert re.fullmatch(r"\s*# .{20,}", after)


def test_zizmor_finds_nothing() -> None:
    assert LINTERS["zizmor"]() == []


def test_zizmor_finds_an_input_in_a_shell(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The check can fail: the same call finds what is wrong in a workflow that has it."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".github" / "workflows" / "w.yml").write_text(
        "name: W\non: {issues: {}}\npermissions: {}\njobs:\n  j:\n    name: J\n    runs-on: ubuntu-24.04\n"
        "    steps: [{name: S, run: 'echo ${{ github.event.issue.title }}'}]\n"
    )
    [found] = _run("zizmor", "--quiet", "--offline", "--strict-collection", "--persona", "auditor", str(folder))
    assert "template-injection" in found
