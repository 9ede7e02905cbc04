"""build-image against a real Docker and real registries: what it builds, names, pushes and answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from mlops_actions import registry_api
from mlops_actions.build_image import build_image
from mlops_actions.image_reference import ImageReference
from sandbox.processes import wait_for
from sandbox.registry import Registry
from tests.integration.images.conftest import ACCOUNT, Client, Step

SHA = "90dd6032fac8bda1b6c4436a2e65de27961ed071"
SCRATCH = "FROM scratch\nCOPY Dockerfile /\n"


@pytest.fixture(params=["BuildKit", "the old builder"])
def builder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step) -> str:
    """Debian's client has BuildKit built in; a newer one may come first on the path and lack its plugin."""
    if request.param == "BuildKit":
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "docker").symlink_to("/usr/bin/docker")
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    else:
        monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    return str(request.param)


def test_a_push_to_a_branch_is_built_pushed_and_labelled(step: Step, registry: Registry, builder: str) -> None:
    step.dockerfile(f"{SCRATCH}ARG GIT_COMMIT\nENV GIT_COMMIT=${{GIT_COMMIT}}\n")
    name = f"{registry.address}/org/labelled"
    built = build_image(
        context=step.context,
        image=name.replace("org", "Org"),
        tags=("edge",),
        build_args={"GIT_COMMIT": SHA},
        labels={"azureml.job": "animals-90dd603-1", "azureml.model.version": "3"},
    )
    assert built.tags == (f"{name}:main", f"{name}:sha-90dd603", f"{name}:sha-{SHA}", f"{name}:edge")
    assert (built.image, built.ref) == (f"{name}:main", f"{name}@{built.digest}")
    for tag in built.tags:
        remote = registry_api.inspect(ImageReference.parse(tag))
        assert remote.digest == built.digest
        created = remote.labels.pop("org.opencontainers.image.created")
        assert created.endswith("Z")
        assert remote.labels == {
            "azureml.job": "animals-90dd603-1",
            "azureml.model.version": "3",
            "org.opencontainers.image.revision": SHA,
            "org.opencontainers.image.source": "https://github.com/some-org/some-repo",
            "org.opencontainers.image.version": "main",
        }
    assert f"| Digest | {built.digest} |" in step.summary()
    assert "| azureml.job | animals-90dd603-1 |" in step.summary()
    step.assert_nothing_is_left()


def test_a_version_tag_names_the_image(step: Step, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REF", "refs/tags/v1.2.3")
    step.dockerfile(SCRATCH)
    name = f"{registry.address}/org/released"
    built = build_image(context=step.context, image="org/released", registry=f"https://{registry.address}/")
    assert built.tags[:4] == tuple(f"{name}:{tag}" for tag in ("1.2.3", "1.2", "1", "latest"))
    labels = registry_api.inspect(ImageReference.parse(f"{name}:latest")).labels
    assert labels["org.opencontainers.image.version"] == "1.2.3"


def test_a_login_lasts_as_long_as_the_action(step: Step, guarded_registry: Registry) -> None:
    step.dockerfile(SCRATCH)
    name = f"{guarded_registry.address}/org/guarded"
    built = build_image(
        context=step.context, image=name, username=ACCOUNT.username, password=ACCOUNT.password, tags=("v2",)
    )
    with pytest.raises(registry_api.RegistryUnreadableError):
        registry_api.inspect(ImageReference.parse(built.ref))
    step.assert_nothing_is_left()


def test_base_images_come_from_the_guarded_registry_too(step: Step, docker: Client, guarded_registry: Registry) -> None:
    step.dockerfile(SCRATCH)
    account = {"username": ACCOUNT.username, "password": ACCOUNT.password}
    base = build_image(context=step.context, image=f"{guarded_registry.address}/org/base", **account)
    docker.run("rmi", "--force", *base.tags)
    step.dockerfile(f"FROM {base.ref}\nCOPY Dockerfile /second\n")
    built = build_image(context=step.context, image=f"{guarded_registry.address}/org/derived", **account)
    assert built.digest != base.digest


def test_the_login_of_an_earlier_step_is_used(
    step: Step, docker: Client, guarded_registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier"
    docker.run(
        "--config", earlier, "login", "--username", ACCOUNT.username, "--password", ACCOUNT.password,
        guarded_registry.address,
    )  # fmt: skip
    monkeypatch.setenv("DOCKER_CONFIG", str(earlier))
    step.dockerfile(SCRATCH)
    built = build_image(context=step.context, image=f"{guarded_registry.address}/org/earlier")
    assert registry_api.inspect(ImageReference.parse(built.ref)).digest == built.digest


def test_without_a_push_the_digest_is_the_images_id(step: Step, docker: Client, registry: Registry) -> None:
    step.dockerfile(SCRATCH)
    name = f"{registry.address}/org/local"
    built = build_image(context=step.context, image=name, push=False)
    assert built.digest == docker.run("image", "inspect", "--format={{.Id}}", f"{name}:main")
    assert built.ref == built.image == f"{name}:main"
    with pytest.raises(registry_api.ImageNotFoundError):
        registry_api.inspect(ImageReference.parse(f"{name}:main"))


def test_the_network_is_that_of_the_steps(step: Step, shell_image: str, registry: Registry, builder: str) -> None:
    step.dockerfile(f"FROM {shell_image}\nARG SEEN\nRUN ls /sys/class/net >/nets; [ $(wc -l </nets) $SEEN 1 ]\n")
    image = f"{registry.address}/org/network"
    for network, seen in (("host", "-gt"), ("none", "-eq")):
        build_image(context=step.context, image=image, network=network, build_args={"SEEN": seen}, push=False)


def test_the_command_takes_the_inputs_and_writes_the_outputs(
    step: Step, guarded_registry: Registry, tmp_path: Path
) -> None:
    file = step.dockerfile(SCRATCH).rename(tmp_path / "Other.Dockerfile")
    file.write_text("FROM scratch\nCOPY data /\n")
    (step.context / "data").write_text("::error::a line of a log\n")
    name = f"{guarded_registry.address}/org/command"
    inputs = {
        "context": str(step.context), "file": str(file), "image": name, "tags": "one\ntwo\n", "registry": "",
        "username": ACCOUNT.username, "password": ACCOUNT.password, "build-args": "", "network": "",
        "labels": "azureml.job=j-1\nazureml.model.name=animal-classification\n", "push": "true",
    }  # fmt: skip
    done = run(step, inputs)
    assert done.returncode == 0, done.stderr
    outputs = step.outputs()
    assert set(outputs) == {"image", "digest", "ref", "tags"}
    assert json.loads(outputs["tags"])[-2:] == [f"{name}:one", f"{name}:two"]
    assert outputs["ref"] == f"{name}@{outputs['digest']}"
    lines = done.stdout.splitlines()
    assert f"::add-mask::{ACCOUNT.password}" in lines
    assert [line for line in lines if ACCOUNT.password in line] == [f"::add-mask::{ACCOUNT.password}"]
    assert f"::group::docker build {name}:main" in lines
    step.assert_nothing_is_left()


@pytest.mark.parametrize("password", [ACCOUNT.password, ""])
def test_a_cancelled_build_ends_and_forgets_its_login(
    step: Step, shell_image: str, guarded_registry: Registry, builder: str, password: str
) -> None:
    step.dockerfile(f"FROM {shell_image}\nRUN echo begun && sleep 4242\n")
    inputs = {
        "context": str(step.context), "image": f"{guarded_registry.address}/org/cancelled",
        "username": ACCOUNT.username if password else "", "password": password,
    }  # fmt: skip
    with subprocess.Popen(
        ["mlops", "build-image"],
        env={**os.environ, "INPUTS": json.dumps({**inputs, "network": "host"}), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.rstrip().endswith("begun") and "RUN" not in line and "Step" not in line:
                break
        process.send_signal(signal.SIGTERM)
        lines += process.stdout.readlines()
        assert process.wait(timeout=60) == 1, "".join(lines)
    assert lines[-1] == "::error::mlops build-image was interrupted\n"
    step.assert_nothing_is_left()
    wait_for("the build's step to end", lambda: not running("sleep", "4242"), seconds=60)


def running(*command: str) -> bool:
    wanted = "\0".join(command).encode()
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if cmdline.read_bytes().rstrip(b"\0") == wanted:
                return True
        except (FileNotFoundError, ProcessLookupError):
            continue
    return False


def run(step: Step, inputs: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["mlops", "build-image"],
        env={**os.environ, "INPUTS": json.dumps(inputs)},
        cwd=step.folder,
        capture_output=True,
        text=True,
        check=False,
    )
