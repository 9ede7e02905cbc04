"""What a job's summary shows: graph, curves, confusion matrix, links and lineage, also of a job that failed."""

from __future__ import annotations

import re

import pytest
from azure.ai.ml import MLClient
from azure.core.exceptions import ServiceRequestError

from mlops_actions import azure
from mlops_actions.aml import measured_curves

from .conftest import COMPUTE, ENVIRONMENT, Action, WriteYaml, node, pipeline

TRAIN = """
import mlflow
with mlflow.start_run():
    for epoch in range(1, 5):
        mlflow.log_metrics({"loss": 1 / epoch, "val_loss": 2 / epoch}, step=epoch)
    mlflow.log_metric("system/cpu", 1, step=3)
    mlflow.log_metric("accuracy", 0.75)
    data = {"class_labels": ["cat|s", "dogs"], "matrix": [[3, 1], [0, 4]]}
    matrix = {"schema_type": "confusion_matrix", "schema_version": "1.0.0", "data": data}
    mlflow.log_dict(matrix, "plots/confusion_matrix.json")
    mlflow.log_dict({"schema_type": "accuracy_table"}, "no_confusion.json")
    mlflow.log_text("{", "confusion_broken.json")
"""
PREP = {
    "type": "command",
    "name": "summary_prep",
    "version": "7",
    "inputs": {"words": {"type": "uri_folder"}},
    "outputs": {"out": {"type": "uri_folder"}},
    "environment": f"azureml:{ENVIRONMENT}@latest",
    "command": "cp ${{inputs.words}}/* ${{outputs.out}}",
}
INNER = {
    "type": "pipeline",
    "name": "summary_inner",
    "version": "1",
    "inputs": {"words": {"type": "uri_folder"}},
    "outputs": {"out": {"type": "uri_folder"}},
    "jobs": {
        "one": {"type": "command", "component": "./prep.yaml", "inputs": {"words": "${{parent.inputs.words}}"}},
        "two": {
            "type": "command",
            "component": "./prep.yaml",
            "inputs": {"words": "${{parent.jobs.one.outputs.out}}"},
            "outputs": {"out": "${{parent.outputs.out}}"},
        },
    },
}

pytestmark = pytest.mark.usefixtures("workspace")


def project(action: Action, write_yaml: WriteYaml, broken: str) -> object:
    """A pipeline of a registered component, a pipeline, a training, and a node that runs `broken`."""
    conda = {"name": "m", "dependencies": ["python=3.11", "pip", {"pip": ["mlflow-skinny==3.15.0"]}]}
    environment = {"name": "actions-mlflow", "version": "1", "image": "debian:12", "conda_file": conda}
    write_yaml("words/words.txt", "words")
    registered = action(
        "register-assets",
        environments=write_yaml("mlflow.yaml", environment),
        components=write_yaml("prep.yaml", PREP),
        data=write_yaml("data.yaml", {"name": "summary-words", "version": "3", "type": "uri_folder", "path": "words"}),
    )
    assert registered.status == 0, registered.log
    write_yaml("inner.yaml", INNER)
    write_yaml("code/train.py", TRAIN)
    words = {"type": "uri_folder", "path": "azureml:summary-words@latest"}
    jobs: dict[str, object] = {
        "prep": {
            "type": "command",
            "component": "azureml:summary_prep:7",
            "inputs": {"words": "${{parent.inputs.words}}"},
        },
        "outer": {
            "type": "pipeline",
            "component": "./inner.yaml",
            "inputs": {"words": "${{parent.jobs.prep.outputs.out}}"},
        },
        "train": {
            **node("ls ${{inputs.d}}; python train.py; echo > ${{outputs.done}}"),
            "inputs": {"d": "${{parent.jobs.outer.outputs.out}}"},
            "outputs": {"done": {"type": "uri_file"}},
            "code": "code",
            "environment": "azureml:actions-mlflow@latest",
        },
        "after": node(
            broken, inputs={"words": "${{parent.inputs.words}}", "done": "${{parent.jobs.train.outputs.done}}"}
        ),
    }
    return write_yaml("pipeline.yaml", pipeline(jobs, inputs={"words": words}))


def test_a_job_that_failed(action: Action, write_yaml: WriteYaml, ml_client: MLClient) -> None:
    file = project(
        action, write_yaml, "ls ${{inputs.words}} ${{inputs.done}}; printf '%0.sx' $(seq 9999); echo; exit 3"
    )
    ran = action("run-aml-pipeline", file=file, job_name="summarized")
    assert ran.outputs["status"] == "Failed", ran.log
    summary = ran.summary
    for line in (
        '    n0["✓ prep<br>Completed"]',
        '    subgraph n1["✓ outer: Completed"]',
        '        n1_0["✓ one<br>Completed"]',
        "        n1_0 --> n1_1",
        '    n2["✓ train<br>Completed"]',
        '    n3["✗ after<br>Failed"]',
        "    n0 --> n1",
        "    n1 --> n2",
        "    n2 --> n3",
        "    class n3 failed",
        "🟦 loss · 🟧 val_loss",
        '    x-axis "step" [1, 2, 3, 4]',
        "    line [1, 0.5, 0.333333, 0.25]",
        "    line [2, 1, 0.666667, 0.5]",
        "plots/confusion_matrix.json of node train",
        '    r0["cat#124;s"] x0y0["3"] x0y1["1"]',
        "| Repository | [team/project](https://github.example/team/project) |",
        "| Actor | [somebody](https://github.example/somebody) |",
    ):
        assert line in summary.splitlines(), line
    assert "system/cpu" not in summary.replace("| system/cpu | 1 |", "")
    assert summary.count("block-beta") == 1
    assert max(map(len, summary.splitlines())) < 2000  # the log's line of 9,999 is cut

    workspace = f"wsid={ran.outputs['studio-url'].partition('wsid=')[2]}"
    runs = dict(
        re.findall(r"^\| ([\w/]+) \| (?:Completed|Failed) \| [\d.]+ s \| \[run\]\((.*)\) \|$", summary, re.MULTILINE)
    )
    assert set(runs) == {"prep", "outer", "outer/one", "outer/two", "train", "after"}
    children = {child.display_name: child.name for child in ml_client.jobs.list(parent_job_name="summarized")}
    assert runs["after"] == f"https://ml.azure.com/runs/{children['after']}?{workspace}"
    rows = dict(re.findall(r"^\| (\w+) \| (.*) \|$", summary, re.MULTILINE))
    assert rows["Commit"].startswith("[0123456789abcdef")
    assert rows["Data"] == f"[summary-words:3](https://ml.azure.com/data/summary-words/3/details?{workspace})"
    assert (
        f"[summary_prep:7](https://ml.azure.com/component/summary_prep/7/details?{workspace}) (prep)"
        in rows["Components"]
    )
    assert f"[actions-mlflow:1](https://ml.azure.com/environments/actions-mlflow/version/1?{workspace})" in summary
    assert COMPUTE not in rows["Environments"]


def test_what_cannot_be_read_is_told_and_no_more(
    action: Action, write_yaml: WriteYaml, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is what counts: a service that does not answer about its curves makes no run red."""

    def lost(*_: object) -> None:
        raise ServiceRequestError("connection lost")

    file = write_yaml("pipeline.yaml", pipeline({"only": node("echo what cannot be read")}))
    monkeypatch.setattr(measured_curves, "_history", lost)
    monkeypatch.setattr(measured_curves, "_stepped", lambda *_: ["loss"])
    get = azure.Rest.api

    def api(self: azure.Rest, path: str, query: dict[str, str] | None = None) -> object:
        if path.startswith("/artifact/"):
            lost()
        return get(self, path, query)

    monkeypatch.setattr(azure.Rest, "api", api)
    ran = action("run-aml-pipeline", file=file)
    assert (ran.status, ran.outputs["status"]) == (0, "Completed")
    assert "The metrics' history cannot be read: connection lost" in ran.summary
    assert "The confusion matrices cannot be read: connection lost" in ran.summary
    assert "| only | Completed |" in ran.summary
