"""Hostile annotations, manifests and pods; and no trace of what a kubeconfig keeps secret."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions import cli
from tests.hostile_texts import CANARY, HOSTILE
from tests.runner_rules import commands_in, outputs_in
from tests.secret_traces import Watch, in_files, in_text

pytestmark = pytest.mark.timeout(180)

# All annotations of an object together have 256 KiB, and there is what the image's labels say too.
ANNOTATIONS = {
    f"hostile/{name}": text for name, text in HOSTILE.items() if text.strip() and name != "long-line-of-commands"
}
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
TOKEN = "canary-of-a-bearer-token/+=&"


def kubeconfig(cluster: Any) -> tuple[str, dict[str, str]]:
    """The cluster's kubeconfig, with a second user who has a token; and what of it is secret."""
    document = yaml.safe_load(cluster.kubeconfig.read_text())
    user = document["users"][0]["user"]
    document["users"].append({"name": "other", "user": {"token": TOKEN, "username": "x", "password": f"pass{TOKEN}"}})
    key = user.get("client-key-data", "")
    lines = [line for line in base64.b64decode(key).decode().splitlines() if not line.startswith("-----")]
    secrets = {"token": TOKEN, "key": key, "lines": "\n".join(lines), "user": user.get("token", "")}
    return yaml.safe_dump(document), {name: value for name, value in secrets.items() if value}


def environment_of(folder: Path, workspace: Path, inputs: dict[str, str]) -> dict[str, str]:
    """The environment of a step whose files are in `folder`."""
    (folder / "temp").mkdir(parents=True)
    return {
        **os.environ,
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "GITHUB_WORKSPACE": str(workspace),
        "RUNNER_TEMP": str(folder / "temp"),
        "INPUTS": json.dumps(inputs),
    }


def step(folder: Path, workspace: Path, inputs: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command as a step does."""
    environment = environment_of(folder, workspace, inputs)
    command = ["mlops", "kube-deploy"]
    return subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, check=False)


def test_hostile_annotations_and_a_pod_that_shouts(
    cluster: Any, namespace: str, manifests: Any, probe_app: Any, tmp_path: Path
) -> None:
    content, secrets = kubeconfig(cluster)
    inputs = {
        "manifests": str(manifests.folder),
        "image": probe_app.image(HOSTILE["error"] + HOSTILE["old-command"] + HOSTILE["html"]),
        "namespace": namespace,
        "kubeconfig": content,
        "annotations": json.dumps(ANNOTATIONS),
        "smoke-path": "/",
        "timeout-minutes": "1",
    }
    with Watch(secrets, allowed_environment={"mlops"}) as watch:
        done = step(tmp_path / "step", tmp_path, inputs)
    assert done.returncode == 0, [(line[:300], line[-700:]) for line in done.stdout.splitlines()[-3:]]
    live = cluster.get("deployment", "probe-app", "-n", namespace)["metadata"]["annotations"]
    expected = {name: CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text) for name, text in ANNOTATIONS.items()}
    assert {name: text for name, text in live.items() if name.startswith("hostile/")} == expected
    assert {command.name for command in commands_in(done.stdout)} <= {"group", "endgroup", "add-mask", "warning"}
    assert list(commands_in(done.stderr)) == []
    assert set(outputs_in((tmp_path / "step" / "output").read_text())) == {"url", "revision", "rolled-back"}
    assert "forged" in done.stdout, "the answer is shown"
    summary = (tmp_path / "step" / "summary").read_text()
    assert not any("<img" in line for line in summary.splitlines() if not line.startswith("    "))
    assert not list(tmp_path.rglob(CANARY))

    assert watch.found == []
    assert "kubectl" in watch.seen_programs
    shown = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("::add-mask::"))
    assert in_text(shown + done.stderr, secrets) == []
    assert in_files(tmp_path, secrets) == []


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_step_that_is_cancelled_leaves_no_kubeconfig(tmp_path: Path, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"http://127.0.0.1:{silent.getsockname()[1]}"
        content = {
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        inputs = {"manifests": ".", "image": "x@sha256:" + "0" * 64, "kubeconfig": yaml.safe_dump(content)}
        environment = environment_of(tmp_path / "step", tmp_path, inputs)
        with subprocess.Popen(
            ["mlops", "kube-deploy"], env=environment, cwd=tmp_path, stdout=subprocess.PIPE
        ) as process:
            silent.settimeout(60)
            silent.accept()  # kubectl has asked, and waits for an answer
            [file] = (tmp_path / "step" / "temp").iterdir()
            assert file.stat().st_mode & 0o777 == 0o600
            process.send_signal(number)
            said, _ = process.communicate(timeout=60)
    assert process.returncode == cli.FAILED
    assert said.decode().splitlines()[-1] == "::error::mlops kube-deploy was interrupted"
    assert list((tmp_path / "step" / "temp").iterdir()) == []


@pytest.mark.parametrize(
    ("base", "where"),
    [("../../outside", "out of the workspace"), ("linked", "by a link"), ("../base", "by a base of a base")],
)
def test_a_kustomization_that_leads_out(cluster: Any, tmp_path: Path, base: str, where: str) -> None:
    for folder in ("outside", "workspace/overlay", "workspace/base"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "outside" / "kustomization.yaml").write_text("resources: []\n")
    (tmp_path / "workspace" / "base" / "kustomization.yaml").write_text("resources: [../../outside]\n")
    (tmp_path / "workspace" / "overlay" / "linked").symlink_to("../../outside")
    overlay = tmp_path / "workspace" / "overlay" / "kustomization.yaml"
    overlay.write_text(yaml.safe_dump({"resources": [base]}))
    inputs = {"manifests": "overlay", "image": "x@sha256:" + "0" * 64, "kubeconfig": str(cluster.kubeconfig)}
    done = step(tmp_path / "step", tmp_path / "workspace", inputs)
    assert done.returncode == cli.FAILED
    [error] = [command for command in commands_in(done.stdout) if command.name == "error"]
    assert f"leads to {tmp_path / 'outside'}, which is not in the workspace" in error.data, where
