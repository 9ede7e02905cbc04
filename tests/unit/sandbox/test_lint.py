"""The linters that are this repository's own: what they are there for is found."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path

import pytest

from sandbox.lint import composites, manifests

ACTION = """
name: greet
description: Greets
inputs: {who: {description: Whom to greet}}
outputs: {said: {description: What was said, value: "${{ steps.run.outputs.said }}"}}
runs:
  using: composite
  steps:
    - id: run
      shell: bash
      run: echo "$WHO"
      env: {WHO: "${{ inputs.who }}"}
"""


def actionlint(workflow: str) -> str:
    command = [str(Path(sysconfig.get_path("scripts")) / "actionlint"), "-"]
    return subprocess.run(command, input=workflow, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("inputs.whom", "inputs.who", 'property "whom" is not defined'),
        ("steps.walk.outputs", "steps.run.outputs", 'property "walk" is not defined'),
        ("echo $WHO", 'echo "$WHO"', "SC2086"),
    ],
)
def test_composites_are_linted_as_workflows(tmp_path: Path, wrong: str, right: str, message: str) -> None:
    action = tmp_path / "action.yml"
    action.write_text(ACTION)
    assert actionlint(composites.as_workflow(str(action))) == ""
    action.write_text(ACTION.replace(right, wrong))
    assert message in actionlint(composites.as_workflow(str(action)))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"spec": {"ports": [{"port": "eighty"}]}}, "'eighty' is not"),
        ({"spec": {"prots": []}}, "prots"),
        ({"kind": "Servise"}, "Servise"),
    ],
)
def test_manifests_are_held_against_their_schemas(document: dict[str, object], message: str) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "one"}}
    assert manifests.problems({**service, "spec": {"ports": [{"port": 80}]}}, "1.34") == []
    [problem] = manifests.problems({**service, **document}, "1.34")
    assert message in problem, json.dumps(problem)
