"""This repository with a tiny example in the place of the animals, so that all of mlops.yml runs in seconds."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

from sandbox.act import OnLine, OnStep, RunningWorkflow, start_workflow
from sandbox.act.trees import export
from sandbox.paths import ROOT
from tests.workflows import caller
from tests.workflows.caller import Azure
from tests.workflows.repositories import make

REPOSITORY = "team/animals"

DOCKERFILE = """
ARG BASE_IMAGE=scratch
FROM ${{BASE_IMAGE}}
ADD app.tar /
COPY model /model
ARG MODEL_VERSION
ENV VERSION=${{MODEL_VERSION}} FAULT={fault}
USER 10001
ENTRYPOINT ["/app"]
"""


def repository(folder: Path) -> Path:
    """Make the repository: the workflows, actions and library of this one, and a pipeline of one small node."""
    export(ROOT, folder)
    for replaced in ("components", "environment", "pipelines"):
        shutil.rmtree(folder / replaced)
    files = caller.files("unused")
    pipeline = caller.pipeline()
    pipeline["inputs"] = {"mode": "train", "epochs": 5, "train_test_split_percentage": 20}
    pipeline["jobs"]["register"]["inputs"]["model_name"] = "animal-classification"
    environment = json.loads(files["ml/environment.yaml"])
    return make(
        folder,
        {
            "pipelines/animals-classification.yaml": json.dumps(pipeline),
            "components/tiny/training.yaml": files["ml/components/training.yaml"],
            "components/code/train.py": files["ml/code/train.py"],
            "components/code/texts.json": files["ml/code/texts.json"],
            "environment/compute.yaml": files["ml/compute.yaml"],
            "environment/pillow.yaml": json.dumps(environment),
            "environment/tensorflow.yaml": json.dumps({**environment, "name": "second"}),
        },
    )


def serve(folder: Path, binary: Path, manifests: Path, *, fault: str = "") -> None:
    """Let the repository deploy the program `binary` by `manifests`, with a fault if one is named."""
    inference = folder / "inference"
    for old in ("Dockerfile", ".dockerignore"):
        (inference / old).unlink(missing_ok=True)
    (inference / "Dockerfile").write_text(DOCKERFILE.format(fault=fault))
    with tarfile.open(inference / "app.tar", "w") as archive:  # an artifact loses permissions, its content does not
        archive.add(binary, "app")
    shutil.copytree(manifests, folder / "k8s" / "overlays" / "test", dirs_exist_ok=True)


def start(
    folder: Path,
    azure: Azure,
    *,
    event: str = "workflow_dispatch",
    inputs: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    run_id: str = "7",
    run_folder: Path | None = None,
    on_step: OnStep | None = None,
    on_line: OnLine | None = None,
) -> RunningWorkflow:
    """Start mlops.yml."""
    return start_workflow(
        folder / ".github/workflows/mlops.yml",
        workdir=folder,
        repository=REPOSITORY,
        event=event,
        inputs=inputs,
        secrets={**azure.secrets, **(secrets or {})},
        variables={**azure.variables, **(variables or {})},
        env={**azure.runner, **(env or {})},
        run_id=run_id,
        folder=run_folder,
        on_step=on_step,
        on_line=on_line,
    )
