"""A team's repository that uses this library: one of its actions by itself, and its reusable workflow train.yml.

Its pipeline is the smallest that trains and registers: a node that needs no package and ends at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.ai.ml import MLClient
from azure.identity import ClientSecretCredential

from sandbox.act import OnLine, OnStep, RunningWorkflow, start_workflow
from sandbox.paths import ROOT

LIBRARY = "team/mlops-actions"
COMPUTE = "team-machine"

_SCHEMAS = "https://azuremlschemas.azureedge.net/latest"

WORKFLOW = """
name: Deliver
on:
  workflow_dispatch:
    inputs:
      mode: {{type: string, default: train}}
      job-name: {{type: string, default: ""}}
      text: {{type: string, default: ""}}
jobs:
  check:
    runs-on: ubuntu-24.04
    outputs:
      state: ${{{{ steps.compute.outputs.state }}}}
      changed: ${{{{ steps.compute.outputs.changed }}}}
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
      - id: compute
        uses: {library}/actions/ensure-compute@{commit}
        with:
          file: ml/compute.yaml
          state: stopped
          subscription-id: ${{{{ vars.AZURE_SUBSCRIPTION_ID }}}}
          resource-group: ${{{{ vars.AZURE_RESOURCE_GROUP }}}}
          workspace: ${{{{ vars.AZURE_ML_WORKSPACE }}}}
          client-id: ${{{{ vars.AZURE_CLIENT_ID }}}}
          tenant-id: ${{{{ vars.AZURE_TENANT_ID }}}}
  train:
    needs: check
    uses: {library}/.github/workflows/train.yml@{commit}
    with:
      pipeline: ml/pipeline.yaml
      pipeline-inputs: >-
        ${{{{ format('{{{{"mode": {{0}}, "text": {{1}}}}}}', toJSON(inputs.mode), toJSON(inputs.text)) }}}}
      job-name: ${{{{ inputs.job-name }}}}
      compute-file: ml/compute.yaml
      environments: ml/environment.yaml
      components: ml/components/*.yaml
      on-conflict: next-version
      resource-group: ${{{{ vars.AZURE_RESOURCE_GROUP }}}}
      workspace: ${{{{ vars.AZURE_ML_WORKSPACE }}}}
    secrets:
      AZURE_CREDENTIALS: ${{{{ secrets.AZURE_CREDENTIALS }}}}
  after:
    needs: [check, train]
    runs-on: ubuntu-24.04
    steps:
      - id: show
        run: echo "$OUTPUTS"
        env:
          OUTPUTS: >-
            ${{{{ needs.check.outputs.state }}}} ${{{{ needs.train.outputs.status }}}}
            ${{{{ needs.train.outputs.job-name }}}}
            ${{{{ needs.train.outputs.model-name }}}} ${{{{ needs.train.outputs.model-version }}}}
      - id: read
        run: printf '%s\\n' "$METRICS" "$URL"
        env:
          METRICS: ${{{{ needs.train.outputs.metrics }}}}
          URL: ${{{{ needs.train.outputs.studio-url }}}}
"""

NODE = '''
"""Trains nothing, but logs a metric and writes a model as a training would."""
import json, os, pathlib, sys, time, urllib.request

for text in json.loads(pathlib.Path("texts.json").read_text()):
    print(text, flush=True)
mode, folder = sys.argv[1], pathlib.Path(sys.argv[2])
metric = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "accuracy", "value": 0.75, "timestamp": int(time.time() * 1000)}
request = urllib.request.Request(
    os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
    json.dumps(metric).encode(),
    {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]},
)
urllib.request.urlopen(request).read()
if mode == "fail":
    sys.exit("the photos are all of the same animal")
if mode == "hang":
    print("trains on and on", flush=True)
    time.sleep(3600)
(folder / "model.json").write_text(json.dumps({"mode": mode}))
'''


def files(commit: str, texts: Sequence[str] = ()) -> dict[str, str]:
    """What is in the repository; its training prints the texts."""
    documents: dict[str, dict[str, Any]] = {
        "ml/compute.yaml": {
            "$schema": f"{_SCHEMAS}/computeInstance.schema.json",
            "name": COMPUTE,
            "type": "computeinstance",
            "size": "Standard_DS3_v2",
        },
        "ml/environment.yaml": {
            "$schema": f"{_SCHEMAS}/environment.schema.json",
            "name": "plain",
            "version": "1",
            "image": "debian:12",
            "conda_file": {"name": "plain", "dependencies": ["python=3.11"]},
        },
        "ml/components/training.yaml": {
            "$schema": f"{_SCHEMAS}/commandComponent.schema.json",
            "type": "command",
            "name": "tiny_training",
            "version": "1",
            "inputs": {"mode": {"type": "string"}},
            "outputs": {"model": {"type": "uri_folder"}},
            "environment": "azureml:plain:1",
            "code": "../code",
            "command": "python train.py ${{inputs.mode}} ${{outputs.model}}",
        },
        "ml/pipeline.yaml": pipeline(),
    }
    return {
        ".github/workflows/deliver.yml": WORKFLOW.format(library=LIBRARY, commit=commit),
        "ml/code/train.py": NODE,
        "ml/code/texts.json": json.dumps(texts),
        **{path: json.dumps(document, indent=2) for path, document in documents.items()},  # JSON is YAML
    }


def pipeline() -> dict[str, Any]:
    """The pipeline: a training and the registration of what it made."""
    return {
        "$schema": f"{_SCHEMAS}/pipelineJob.schema.json",
        "type": "pipeline",
        "experiment_name": "deliver",
        "settings": {"default_compute": f"azureml:{COMPUTE}"},
        "inputs": {"mode": "train", "text": "as it is"},
        "outputs": {"registration_details": {"type": "uri_folder", "mode": "upload"}},
        "jobs": {
            "training": {
                "type": "command",
                "component": "azureml:tiny_training@latest",
                "inputs": {"mode": "${{parent.inputs.mode}}"},
            },
            "register": {
                "type": "command",
                "component": "azureml://registries/azureml/components/register_model/versions/0.0.21",
                "inputs": {
                    "model_name": "tiny",
                    "model_type": "custom_model",
                    "model_path": "${{parent.jobs.training.outputs.model}}",
                },
                "outputs": {"registration_details_folder": "${{parent.outputs.registration_details}}"},
            },
        },
    }


@dataclass(frozen=True)
class Azure:
    """What a repository's settings and its runner hold so that workflows reach the workspace."""

    emulator: Mapping[str, str]

    @property
    def secrets(self) -> dict[str, str]:
        names = {"clientId": "CLIENT_ID", "clientSecret": "CLIENT_SECRET", "tenantId": "TENANT_ID"}
        credentials = {field: self.emulator[f"AZURE_{name}"] for field, name in names.items()}
        credentials["subscriptionId"] = self.emulator["AZURE_SUBSCRIPTION_ID"]
        return {"AZURE_CREDENTIALS": json.dumps(credentials, indent=2)}

    @property
    def variables(self) -> dict[str, str]:
        names = ("SUBSCRIPTION_ID", "RESOURCE_GROUP", "ML_WORKSPACE", "CLIENT_ID", "TENANT_ID")
        return {f"AZURE_{name}": self.emulator[f"AZURE_{name}"] for name in names}

    @property
    def runner(self) -> dict[str, str]:
        return {name: value for name, value in self.emulator.items() if not name.startswith("AZURE_")}

    @contextmanager
    def client(self) -> Iterator[MLClient]:
        """The SDK's client of the workspace, for this process as long as the block lasts."""
        names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
        where = ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_ML_WORKSPACE")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.runner.items():
                patch.setenv(name, value)
            credential = ClientSecretCredential(*(self.emulator[name] for name in names))
            yield MLClient(credential, *(self.emulator[name] for name in where), enable_telemetry=False)

    def compute_state(self) -> str:
        """The state that the caller's compute is in."""
        with self.client() as client:
            state = client.compute.get(COMPUTE).state
        return str(getattr(state, "value", state))

    def pipeline_inputs(self, job: str) -> dict[str, str]:
        """The inputs that a job ran with."""
        with self.client() as client:
            described = yaml.safe_load(str(client.jobs.get(job)))
        return {name: str(given) for name, given in described["inputs"].items()}


def path_of_a_python() -> str:
    """The PATH with this Python's folder first, where uv finds it, and not shell scripts that look for one."""
    return f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"


def deliver(
    repository: Path,
    azure: Azure,
    *,
    mode: str = "train",
    job_name: str = "",
    text: str = "as it is",
    actor: str = "somebody",
    folder: Path | None = None,
    on_step: OnStep | None = None,
    on_line: OnLine | None = None,
) -> RunningWorkflow:
    """Start the caller's workflow."""
    return start_workflow(
        repository / ".github/workflows/deliver.yml",
        workdir=repository,
        repository="team/caller",
        inputs={"mode": mode, "job-name": job_name, "text": text},
        secrets=azure.secrets,
        variables={**azure.variables, "MLOPS_ACTIONS_REPOSITORY": LIBRARY},
        env={**azure.runner, "GITHUB_ACTOR": actor, "PATH": path_of_a_python()},
        run_id="99",
        repositories={LIBRARY: ROOT},
        folder=folder,
        on_step=on_step,
        on_line=on_line,
    )
