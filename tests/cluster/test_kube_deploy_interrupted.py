"""A cancelled deployment puts back what was there before."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from mlops_actions.kube_deploy import kube_deploy
from sandbox.processes import wait_for

DEPLOY = """
import json, sys
from pathlib import Path
from mlops_actions.kube_deploy import kube_deploy
given = json.loads(sys.argv[1])
kube_deploy(**{**given, "manifests": Path(given["manifests"])})
"""


@pytest.mark.fault("deployment: the workflow is cancelled in the middle of it", "it is rolled back")
def test_terminated_deployment(cluster: Any, namespace: str, manifests: Any, probe_app: Any) -> None:
    given = {"manifests": str(manifests.folder), "namespace": namespace, "kubeconfig": str(cluster.kubeconfig)}
    good = probe_app.image("v1")
    kube_deploy(**{**given, "manifests": manifests.folder}, image=good)

    def image() -> str:
        live = cluster.get("deployment", "probe-app", "-n", namespace)
        return str(live["spec"]["template"]["spec"]["containers"][0]["image"])

    bad = probe_app.image("v2", fault="unready")
    argument = json.dumps({**given, "image": bad})
    with subprocess.Popen([sys.executable, "-c", DEPLOY, argument], stderr=subprocess.PIPE, text=True) as process:
        wait_for("the new image to be applied", lambda: image() == bad, seconds=60)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in said
    assert image() == good
