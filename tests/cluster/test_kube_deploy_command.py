"""The command that the action runs: its inputs in one JSON object, its outputs also where it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops_actions import cli

pytestmark = pytest.mark.timeout(180)


def test_failed_deployment_is_red_and_says_what_serves(  # noqa: PLR0917 - fixtures
    cluster: Any,
    namespace: str,
    manifests: Any,
    probe_app: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    outputs = tmp_path / "outputs"
    inputs = {
        "manifests": str(manifests.folder),
        "image": probe_app.image("v1"),
        "namespace": namespace,
        "kubeconfig": cluster.kubeconfig.read_text(),
        "context": "",
        "deployment": "",
        "annotations": "team/owner=vision\nteam/tier=gold\n",
        "smoke-path": "/",
        "smoke-file": "",
        "timeout-minutes": "1",
    }
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    monkeypatch.setenv("INPUTS", json.dumps(inputs))
    assert cli.run(["kube-deploy"]) == 0
    noted = cluster.get("deployment", "probe-app", "-n", namespace)["metadata"]["annotations"]
    assert (noted["team/owner"], noted["team/tier"]) == ("vision", "gold")

    outputs.unlink()
    capfd.readouterr()
    monkeypatch.setenv("INPUTS", json.dumps({**inputs, "image": probe_app.image("v2", fault="crash")}))
    assert cli.run(["kube-deploy"]) == cli.FAILED
    said = capfd.readouterr().out.splitlines()
    (error,) = [line for line in said if line.startswith("::error")]
    assert "container app crashes: exit status 3. Rolled back: revision 3 serves" in error
    written = outputs.read_text().splitlines()
    values = {name.partition("<<")[0]: value for name, value in zip(written[0::3], written[1::3], strict=True)}
    assert values.pop("url").startswith("http://127.0.0.1:")
    assert values == {"revision": "3", "rolled-back": "true"}
    assert not list(tmp_path.glob("kubeconfig-*"))
