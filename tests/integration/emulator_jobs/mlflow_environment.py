"""The environment that Azure's own examples use with MLflow, in jobs and outside of them alike: it is built once."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

from azure.ai.ml import MLClient
from azure.ai.ml.entities import Environment

from azureml_emulator.jobs.environment import conda
from azureml_emulator.jobs.environment.builder import Builder
from azureml_emulator.settings import cache

from ..conftest import Emulator

NAME = "mlflow-plugin"
# The newest MLflow whose models Azure's tracking server takes.
PACKAGES = ["azureml-mlflow==1.62.0.post6", "mlflow==2.16.2", "scikit-learn==1.5.1", "setuptools<80"]
CONDA = {"name": "mlflow", "dependencies": ["python=3.11", "pip", {"pip": PACKAGES}]}


class _Silent:
    def line(self, text: str) -> None:
        """Nobody reads it."""

    def write(self, data: bytes) -> None:
        """Nobody reads it."""


def register(client: MLClient) -> None:
    """Let jobs have the environment."""
    client.environments.create_or_update(Environment(name=NAME, version="1", image="debian:12", conda_file=CONDA))


def python(emulator: Emulator) -> Path:
    """The interpreter of the same environment, for programs outside of jobs."""
    builder = Builder(cache() / "environments", own_proxy=emulator.settings.ports.proxy)
    requirements = conda.read(str({**CONDA}))
    built = builder.build(requirements, log=_Silent(), cancel=threading.Event())
    return built.programs / "python"


def run_outside(emulator: Emulator, script: str, *arguments: str) -> str:
    """What a script prints that runs as `azureml-emulator exec -- python -c SCRIPT` would run it."""
    unset = {"MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN", "MLFLOW_RUN_ID"}
    kept = {key: value for key, value in {**os.environ, **emulator.environment}.items() if key not in unset}
    done = subprocess.run(
        [str(python(emulator)), "-W", "ignore", "-c", script, *arguments],
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
