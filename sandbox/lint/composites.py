"""Composite actions as workflows: actionlint takes those only, and what it checks is the same in both."""

from __future__ import annotations

from typing import Any

import yaml

from sandbox.paths import ROOT


def as_workflow(action: str) -> str:
    """The composite action in the file `action`, as a reusable workflow with its inputs, outputs and steps."""
    document: dict[str, Any] = yaml.safe_load((ROOT / action).read_text())
    inputs = {
        name: {"type": "string", "description": given.get("description", ""), "required": given.get("required", False)}
        for name, given in (document.get("inputs") or {}).items()
    }
    outputs = {name: given["value"] for name, given in (document.get("outputs") or {}).items()}
    job = {"runs-on": "ubuntu-24.04", "outputs": outputs, "steps": document["runs"]["steps"]}
    return yaml.safe_dump({"on": {"workflow_call": {"inputs": inputs}}, "jobs": {"composite": job}}, sort_keys=False)
