"""A small pipeline to look at: it has data, logs, metrics and files, names that are hostile, and stops at gates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml
from azure.ai.ml import MLClient, load_job
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Data, Job

from tests.integration.emulator_jobs.conftest import COMPUTE, node

HOSTILE = "<script>window.owned = true</script><img src=x onerror='window.owned = true'>"
HOSTILE_FILE = "<img src=x onerror='window.owned = true'>.html"
WEIGHTS = bytes(range(256)) * 17
DATA = "page-animals"

_PREPARE = f"""
import shutil, sys
from pathlib import Path
target = Path(sys.argv[2])
shutil.copytree(sys.argv[1], target, dirs_exist_ok=True)
(target / {HOSTILE_FILE!r}).write_text({HOSTILE!r})
(target / "many").mkdir()
for number in range(205):
    (target / "many" / f"{{number:03d}}.txt").write_text(str(number))
print({HOSTILE!r})
"""

_TRAIN = f"""
import json, os, sys, time, urllib.request
from pathlib import Path

def log(operation, body):
    headers = {{"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"], "Content-Type": "application/json"}}
    body = json.dumps({{"run_id": os.environ["MLFLOW_RUN_ID"], **body}}).encode()
    address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/" + operation
    urllib.request.urlopen(urllib.request.Request(address, body, headers)).read()

def wait(gate):
    while not os.path.exists(gate):
        time.sleep(0.05)

print("\\x1b[32mfirst line\\x1b[0m", flush=True)
wait(sys.argv[2])
print("second line", {HOSTILE!r}, flush=True)
log("log-parameter", {{"key": "learning rate", "value": {HOSTILE!r}}})
for step in range(5):
    log("log-metric", {{"key": "loss", "value": 1 / (step + 1), "timestamp": int(time.time() * 1000), "step": step}})
wait(sys.argv[3])
Path(sys.argv[1], "weights.bin").write_bytes({WEIGHTS!r})
Path(sys.argv[1], "page.html").write_text({HOSTILE!r})
"""


@dataclass(frozen=True)
class Gates:
    """Files that the node `train` waits for: before its second line, and before its end."""

    folder: Path

    @property
    def second(self) -> Path:
        return self.folder / "second"

    @property
    def end(self) -> Path:
        return self.folder / "end"

    def open_all(self) -> None:
        self.second.touch()
        self.end.touch()


def submit(client: MLClient, folder: Path, gates: Gates) -> Job:
    """Register the data, write the pipeline down, and submit it."""
    (folder / "code").mkdir()
    (folder / "code" / "prepare.py").write_text(_PREPARE)
    (folder / "code" / "train.py").write_text(_TRAIN)
    (folder / "data").mkdir()
    (folder / "data" / "cat.txt").write_text("a cat")
    client.data.create_or_update(Data(name=DATA, version="1", path=folder / "data", type=AssetTypes.URI_FOLDER))
    parts = {"parts": "${{parent.jobs.prepare.outputs.clean}}"}
    given = "${{inputs.parts}} >/dev/null"
    jobs = {
        "prepare": node(
            "python prepare.py ${{inputs.raw}} ${{outputs.clean}}",
            code=True,
            inputs={"raw": "${{parent.inputs.animals}}"},
            outputs={"clean": {"type": "uri_folder"}},
        ),
        "train": node(
            f"ls {given}; python train.py ${{{{outputs.model}}}} '{gates.second}' '{gates.end}'",
            code=True,
            inputs=parts,
            outputs={"model": {"type": "custom_model"}},
        ),
        "evaluate": node(
            "ls ${{inputs.model}} >/dev/null; echo ok > ${{outputs.report}}/report.txt",
            inputs={"model": "${{parent.jobs.train.outputs.model}}"},
            outputs={"report": "${{parent.outputs.report}}"},
        ),
    }
    document = {
        "$schema": "https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json",
        "type": "pipeline",
        "display_name": HOSTILE,
        "experiment_name": "page",
        "tags": {"note": HOSTILE},
        "settings": {"default_compute": f"azureml:{COMPUTE}"},
        "inputs": {"animals": {"type": "uri_folder", "path": f"azureml:{DATA}:1"}, "rate": 0.1},
        "outputs": {"report": {"type": "uri_folder"}},
        "jobs": jobs,
    }
    file = folder / "pipeline.yaml"
    file.write_text(yaml.safe_dump(document))
    return client.jobs.create_or_update(load_job(file))
