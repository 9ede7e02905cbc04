"""Virtual environments of the contenders: built once from pinned requirements, and kept by their content."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import uv
import yaml

from sandbox.paths import cache

from ..report import ROOT, BenchmarkError

PYTHON = "3.11"
INFERENCE = ROOT / "inference"
_LAYOUT = 1
"""Raise it when environments are built differently: old ones are left alone then."""


def peer(name: str) -> Path:
    """The environment of a peer, from its requirements with their hashes."""
    requirements = Path(__file__).parent / "peers" / name / "requirements.txt"
    install = ("pip", "install", "--require-hashes", "--requirement", str(requirements))
    return _built(name, requirements.read_bytes(), install)


def training() -> Path:
    """The environment that the training has on Azure ML: the pip packages of its conda file, each pinned there."""
    conda = yaml.safe_load((ROOT / "environment" / "conda" / "tensorflow.yaml").read_text())
    (pins,) = (entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict))
    return _built("training", "\n".join(pins).encode(), ("pip", "install", *pins))


def inference() -> Path:
    """The environment of the service, as its image installs it from its lock."""
    install = ("sync", "--frozen", "--no-dev", "--project", str(INFERENCE))
    return _built("inference", (INFERENCE / "uv.lock").read_bytes(), install)


def python_of(environment: Path) -> Path:
    """The interpreter of an environment."""
    return environment / "bin" / "python"


def version(environment: Path, package: str) -> str:
    """The version of a package that an environment has. Raises BenchmarkError if it has none."""
    code = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return _run([str(python_of(environment)), "-c", code], f"read the version of {package}").strip()


def installed_megabytes(environment: Path) -> float:
    """What an environment takes on the disk, in 10^6 bytes; the interpreter is not in it."""
    return sum(path.lstat().st_size for path in environment.rglob("*") if not path.is_dir()) / 1e6


def _built(name: str, content: bytes, install: Sequence[str]) -> Path:
    key = hashlib.sha256(f"{_LAYOUT} {PYTHON}\n".encode() + content).hexdigest()[:16]
    folder = cache() / "serving-bench" / f"{name}-{key}"
    done = folder / "built"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _run([uv.find_uv_bin(), "venv", "--quiet", "--python", PYTHON, str(folder)], f"make the environment {name}")
        # Compiled beforehand, as images have it: else the first start would pay for it.
        surroundings = {
            "UV_COMPILE_BYTECODE": "1",
            "UV_PROJECT_ENVIRONMENT": str(folder),
            "UV_SYSTEM_CERTS": "1",
            "VIRTUAL_ENV": str(folder),
        }
        _run([uv.find_uv_bin(), *install, "--quiet"], f"install {name}", surroundings)
        done.touch()
    return folder


def _run(command: Sequence[str], what: str, surroundings: dict[str, str] | None = None) -> str:
    ended = subprocess.run(
        command, env={**os.environ, **(surroundings or {})}, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        last = (ended.stderr or ended.stdout).strip().splitlines()[-1:]
        raise BenchmarkError(f"could not {what}: {''.join(last)}")
    return ended.stdout
