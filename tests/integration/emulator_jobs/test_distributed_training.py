"""The training on two workers, really run beside the one on a single machine, on the same images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, load_environment

from tests.unit.components.trainings import draw

from .conftest import CLUSTER, COMPUTE, Submit, children, ended, failure

ROOT = Path(__file__).parents[3]
COMPONENTS = ROOT / "components" / "training"
EPOCHS = 10
"""After fewer, the averages of batch normalisation have not settled on one worker or on two: the loss on the few images
of the validation part then still falls by its half from epoch to epoch."""


@pytest.mark.timeout(900)
@pytest.mark.conformance("distribution: two workers of TensorFlow train one network")
def test_two_workers_train_as_one_does(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    client.environments.create_or_update(load_environment(ROOT / "environment" / "tensorflow.yaml"))
    images = {
        "training_folder": draw(tmp_path / "training", 24, seed=1, size=16),
        "testing_folder": draw(tmp_path / "testing", 6, seed=2, size=16),
    }
    given = {name: {"type": "uri_folder", "path": str(folder)} for name, folder in images.items()}

    def node(name: str, compute: str) -> dict[str, object]:
        inputs = {key: f"${{{{parent.inputs.{key}}}}}" for key in given} | {"epochs": EPOCHS}
        component = str(COMPONENTS / f"{name}.yaml")
        return {"type": "command", "component": component, "inputs": inputs, "compute": f"azureml:{compute}"}

    job = submit({"one": node("training", COMPUTE), "two": node("training_distributed", CLUSTER)}, inputs=given)
    assert ended(client, job.name, seconds=600) == "Completed", failure(client, job.name)
    metrics = {}
    for name, child in children(client, job.name).items():
        client.jobs.download(child.name, download_path=tmp_path / name, all=True)
        [file] = (tmp_path / name).rglob("metrics.json")
        metrics[name] = json.loads(file.read_text(encoding="utf-8"))
        assert {path.name for path in file.parent.iterdir()} == {
            "metrics.json",
            "model.json",
            "model.keras",
            "model.onnx",
            "pictures",
        }
        assert (tmp_path / name / "artifacts" / "pictures" / "curves.png").is_file()

    one, two = metrics["one"], metrics["two"]
    assert two["accuracy"] == pytest.approx(one["accuracy"], abs=1 / 18)
    for measured, values in one["history"].items():
        assert len(two["history"][measured]) == EPOCHS
        assert two["history"][measured][-1] == pytest.approx(values[-1], abs=0.1), measured
    assert one["history"]["loss"] != two["history"]["loss"], "the batches were shared, so they are summed up otherwise"

    logs = tmp_path / "two" / "artifacts" / "user_logs"
    chief, other = ((logs / f"std_log_process_{rank}.txt").read_text(encoding="utf-8") for rank in range(2))
    assert "test accuracy" in chief
    assert f"epoch {EPOCHS} of {EPOCHS}" in chief
    assert "worker 1 of 2 is done; the chief has the model" in other
    assert "epoch" not in other, "one alone tells what all have done"
