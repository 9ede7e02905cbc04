"""Whether what the machine's cluster serves is of this checkout: clusters outlive workspaces, and several use one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from mlops_actions.kube.deployed import JOB

from . import kubernetes


def serves_another(
    kubeconfig: Path, report: Path, *, deployment: str = "animal-classifier", namespace: str = "animals"
) -> bool:
    """Whether the demo's Deployment is there, but not from the job that the last demo's report names."""
    command = [str(kubernetes.kubectl()), f"--kubeconfig={kubeconfig}", "get", "deployment", deployment]
    done = subprocess.run(
        [*command, f"--namespace={namespace}", "--ignore-not-found", "--output=json"],
        capture_output=True,
        text=True,
        check=True,
    )
    if not done.stdout.strip():
        return False
    noted = json.loads(done.stdout)["metadata"].get("annotations", {}).get(JOB)
    last = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    return noted is None or noted != (last.get("job") or {}).get("name")
