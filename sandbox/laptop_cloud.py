"""All that the actions need outside themselves, on this machine: started side by side, and ended together."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import act, base_image, docker, kubernetes, paths, registry
from .processes import SandboxError
from .stages import Stages

EMULATOR = paths.ROOT / ".demo" / "emulator"
"""The state of the emulator that the demo uses; tests have others."""


@dataclass(frozen=True)
class LaptopCloud:
    """What a workflow must be told to find it: environment variables, a registry, a base image, a kubeconfig."""

    emulator: dict[str, str]
    docker: dict[str, str]
    registry: str
    base_image: str
    kubeconfig: Path


def _azureml_emulator(*arguments: str) -> str:
    command = ["azureml-emulator", *arguments, "--state", str(EMULATOR)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise SandboxError(f"azureml-emulator {arguments[0]} failed: {''.join(last)}")
    return done.stdout


def _emulator(stages: Stages) -> dict[str, str]:
    with stages.stage("Azure ML emulator"):
        _azureml_emulator("up")
        environment: dict[str, str] = json.loads(_azureml_emulator("env", "--json"))
        return environment


def _images(stages: Stages) -> tuple[dict[str, str], str, str]:
    with stages.stage("Docker and registry"):
        environment, address = docker.ensure_docker(), registry.ensure_registry()
    with stages.stage("base image"):
        return environment, address, base_image.ensure_base_image()


def _cluster(stages: Stages) -> Path:
    with stages.stage("Kubernetes"):
        return kubernetes.ensure_cluster()


def up(stages: Stages) -> LaptopCloud:
    """Start what does not run yet. Raises SandboxError with the first failure, once the others have ended."""
    with ThreadPoolExecutor() as pool:
        cluster = pool.submit(_cluster, stages)
        emulator = pool.submit(_emulator, stages)
        images = pool.submit(_images, stages)
    docker_environment, address, base = images.result()
    return LaptopCloud(
        emulator=emulator.result(),
        docker=docker_environment,
        registry=address,
        base_image=base,
        kubeconfig=cluster.result(),
    )


def down() -> None:
    """End all that `up` and the workflows started. Every part is tried, whatever becomes of the others."""
    failures = []
    parts = {
        "workflows": act.end_leftovers,
        "emulator": lambda: _azureml_emulator("down") if EMULATOR.exists() else None,
        "Kubernetes": kubernetes.stop_cluster,
        "registry": registry.stop_registry,
        "Docker": docker.stop_docker,
    }
    for name, stop in parts.items():
        try:
            stop()
        except (SandboxError, OSError, subprocess.SubprocessError) as error:
            failures.append(f"{name}: {error}")
    if failures:
        raise SandboxError("not everything ended: " + "; ".join(failures))


def forget() -> None:
    """End everything, and remove what it holds: images, the emulator's state, the photos and reports of the demo."""
    down()
    for folder in (paths.state() / "docker", paths.state() / "registry", EMULATOR.parent):
        shutil.rmtree(folder, ignore_errors=True)


def environment(cloud: LaptopCloud) -> dict[str, str]:
    """The environment of a command that uses it: this process's own, and the addresses of the parts."""
    path = f"{kubernetes.kubectl().parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **cloud.docker, **cloud.emulator, "PATH": path}
