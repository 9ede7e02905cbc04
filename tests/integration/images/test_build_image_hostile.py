"""Hostile branches, labels, build arguments and build logs: nothing is run; and no secret is in an image."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from mlops_actions import registry_api
from mlops_actions.build_image import build_image
from mlops_actions.image_reference import ImageReference
from sandbox.registry import Registry
from tests.hostile_texts import BRANCHES, CANARY, HOSTILE
from tests.integration.images.conftest import ACCOUNT, Client, Step
from tests.runner_rules import commands_in, outputs_in
from tests.secret_traces import Watch, in_text

# A variable of the environment, such as the one with the inputs, has no more than 128 KiB: there is room for one of 60.
LABELS = {f"hostile.{name}": text for name, text in HOSTILE.items() if text.strip() and name != "long-line-of-commands"}


def mlops(step: Step, inputs: dict[str, str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["mlops", "build-image"],
        env={**os.environ, **environment, "INPUTS": json.dumps(inputs)},
        cwd=step.folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)
def test_a_hostile_branch(step: Step, monkeypatch: pytest.MonkeyPatch, branch: str) -> None:
    monkeypatch.setenv("GITHUB_REF", f"refs/heads/{branch}")
    step.dockerfile("FROM scratch\nCOPY Dockerfile /\n")
    built = build_image(context=step.context, image="localhost:1/org/branch", push=False)
    tag = built.image.removeprefix("localhost:1/org/branch:")
    assert tag.isascii()
    assert not {*tag} - {*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"}


def test_hostile_labels_arguments_and_logs(step: Step, shell_image: str, registry: Registry) -> None:
    texts = [text for text in HOSTILE.values() if "\0" not in text]
    (step.context / "log").write_text("\n".join(texts))
    argument = HOSTILE["quoted-substitution"] + HOSTILE["lines"] + HOSTILE["unicode"]
    step.dockerfile(
        f'FROM {shell_image}\nARG TEXT\nCOPY log /\nRUN cat /log; printf "%s" "$TEXT" >/text; test ! -e {CANARY}\n'
    )
    inputs = {
        "context": str(step.context),
        "image": f"{registry.address}/org/hostile",
        "labels": json.dumps(LABELS),
        "build-args": json.dumps({"TEXT": argument}),
        "network": "none",
    }
    done = mlops(step, inputs)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    obeyed = {command.name for stream in (done.stdout, done.stderr) for command in commands_in(stream)}
    assert obeyed == {"group", "endgroup"}
    outputs = outputs_in((step.folder / "output").read_text())
    assert set(outputs) == {"image", "digest", "ref", "tags"}
    labels = registry_api.inspect(ImageReference.parse(outputs["ref"])).labels
    assert {name: value for name, value in labels.items() if name.startswith("hostile.")} == LABELS
    rows = [line for line in step.summary().splitlines() if "hostile." in line]
    assert len(rows) == len(LABELS)
    assert not any("<" in row for row in rows)
    assert not list(step.folder.rglob(CANARY))


def test_no_trace_of_the_password(
    step: Step, docker: Client, shell_image: str, guarded_registry: Registry, tmp_path: Path
) -> None:
    """In no process but the action itself, and in no file, log, output, summary, layer or history."""
    step.dockerfile(f"FROM {shell_image}\nRUN echo building; env; sleep 1\n")
    name = f"{guarded_registry.address}/org/secret"
    inputs = {
        "context": str(step.context), "image": name, "username": ACCOUNT.username, "password": ACCOUNT.password,
        "network": "none",
    }  # fmt: skip
    others = dict.fromkeys(("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AZURE_CREDENTIALS"), "canary-of-another-step")
    watched = {"password": ACCOUNT.password, "of another step": "canary-of-another-step"}
    with Watch(watched, allowed_environment={"mlops"}) as watch:
        done = mlops(step, inputs, **others)
    assert done.returncode == 0, done.stdout[-2000:]
    assert watch.seen_programs & {"docker"}, "the build was watched"
    assert watch.found == []
    masked = [line for line in done.stdout.splitlines() if line.startswith("::add-mask::")]
    shown = [line for line in done.stdout.splitlines() if line not in masked]
    for text in ("\n".join(shown), done.stderr, (step.folder / "output").read_text(), step.summary()):
        assert in_text(text, {"password": ACCOUNT.password}) == []
    step.assert_nothing_is_left()
    image = tmp_path / "image.tar"
    docker.run("save", f"--output={image}", f"{name}:main")
    assert in_text(image.read_bytes(), {"password": ACCOUNT.password}) == []
    assert in_text(docker.run("history", "--no-trunc", f"{name}:main"), {"password": ACCOUNT.password}) == []
