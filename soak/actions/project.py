"""The repository of the team whose training is killed again and again: YAML files, code and data that tell their own.

Its code and its data hold a manifest of what is in them, so that whatever is registered of them can be seen to be
whole, by the checks of the soak and by the jobs themselves.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any

COMPUTE = "soak-machine"
ENVIRONMENT = "soak-plain"
COMPONENTS = ("soak_prepare", "soak_train")
DATA = "soak-words"
MODEL = "soak-model"
MANIFEST = "manifest.json"
SHA = "5eed" * 10
_REGISTER = "azureml://registries/azureml/components/register_model/versions/0.0.21"
_WORK_SECONDS = 0.4

_WHOLE = '''
"""Whether a folder holds all that its manifest names."""
import hashlib, json, pathlib, sys

def whole(folder):
    manifest = json.loads((pathlib.Path(folder) / "manifest.json").read_text())
    for name, digest in manifest["files"].items():
        if hashlib.sha256((pathlib.Path(folder) / name).read_bytes()).hexdigest() != digest:
            sys.exit(f"{name} is not what was uploaded")
    return manifest["generation"]
'''

_PREPARE = f'''
"""Checks the words and hands them on."""
import pathlib, shutil, sys, time
from whole import whole

words, run, out = sys.argv[1:]
whole(pathlib.Path(__file__).parent)
generation = whole(words)
time.sleep({_WORK_SECONDS})
shutil.copytree(words, out, dirs_exist_ok=True)
print("words of generation", generation, "for run", run)
'''

_TRAIN = f'''
"""Counts the words, which is all that is learnt of them, and tells how many there are."""
import json, os, pathlib, sys, time, urllib.request
from whole import whole

words, run, out = sys.argv[1:]
generation = whole(words)
time.sleep({_WORK_SECONDS})
count = sum(len(file.read_bytes()) for file in pathlib.Path(words).glob("*.bin"))
metric = {{"run_id": os.environ["MLFLOW_RUN_ID"], "key": "words", "value": count, "timestamp": int(time.time() * 1000)}}
request = urllib.request.Request(
    os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
    json.dumps(metric).encode(),
    {{"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}},
)
for pause in (0.5, 1, 2, 4, 8, 16, None):  # as MLflow's own client does
    try:
        urllib.request.urlopen(request, timeout=30).read()
        break
    except OSError:
        if pause is None:
            raise
        time.sleep(pause)
(pathlib.Path(out) / "model.json").write_text(json.dumps({{"generation": generation, "run": run}}))
'''


class Project:
    """The repository in a folder; `generation` counts the changes of its code and data."""

    def __init__(self, folder: Path, chance: Random) -> None:
        self.folder = folder
        self.generation = 0
        self._chance = chance
        folder.mkdir(parents=True)
        self._write("compute.yaml", {"name": COMPUTE, "type": "computeinstance", "size": "Standard_DS3_v2"})
        self._write("pipeline.yaml", _pipeline())
        self.change()

    def change(self) -> None:
        """Change the code, the data and what the environment says of itself: all has to be registered anew."""
        self.generation += 1
        environment = {
            "name": ENVIRONMENT,
            "image": "debian:12",
            "conda_file": {"name": "plain", "dependencies": ["python=3.11"]},
            "description": f"generation {self.generation}",
        }
        self._write("environment.yaml", environment)
        scripts = {"whole.py": _WHOLE, "prepare.py": _PREPARE, "train.py": _TRAIN}
        self._fill("code", {name: text.encode() for name, text in scripts.items()})
        many = range(self._chance.randint(3, 8))
        self._fill("words", {f"{number}.bin": self._chance.randbytes(20_000) for number in many})
        for name, inputs in (("soak_prepare", ("words", "run")), ("soak_train", ("words", "run"))):
            self._write(f"components/{name}.yaml", _component(name, inputs, self.generation))
        self._write("words.yaml", {"name": DATA, "type": "uri_folder", "path": "words"})

    def inputs(self, run_id: str) -> dict[str, str]:
        """What the caller gives train.yml."""
        return {
            "pipeline": "pipeline.yaml",
            "pipeline-inputs": f"run={run_id}",
            "compute-file": "compute.yaml",
            "environments": "environment.yaml",
            "components": "components/*.yaml",
            "data": "words.yaml",
            "on-conflict": "next-version",
            "retries": "2",
            "timeout-minutes": "5",
            "compute-timeout-minutes": "5",
        }

    def _fill(self, folder: str, files: dict[str, bytes]) -> None:
        target = self.folder / folder
        target.mkdir(exist_ok=True)
        for former in target.iterdir():
            former.unlink()
        for name, content in files.items():
            (target / name).write_bytes(content)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        (target / MANIFEST).write_text(json.dumps({"generation": self.generation, "files": digests}))

    def _write(self, name: str, document: dict[str, Any]) -> None:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(document, indent=2))  # JSON is YAML


def _component(name: str, inputs: tuple[str, ...], generation: int) -> dict[str, Any]:
    types = {"words": "uri_folder", "run": "string"}
    script = name.removeprefix("soak_")
    given = " ".join(f"${{{{inputs.{one}}}}}" for one in inputs)
    return {
        "type": "command",
        "name": name,
        "display_name": f"generation {generation}",
        "inputs": {one: {"type": types[one]} for one in inputs},
        "outputs": {"out": {"type": "uri_folder"}},
        "environment": f"azureml:{ENVIRONMENT}@latest",
        "code": "../code",
        "command": f"python {script}.py {given} ${{{{outputs.out}}}}",
    }


def _pipeline() -> dict[str, Any]:
    def step(component: str, words: object) -> dict[str, Any]:
        inputs = {"words": words, "run": "${{parent.inputs.run}}"}
        return {"type": "command", "component": f"azureml:{component}@latest", "inputs": inputs}

    words = {"type": "uri_folder", "path": f"azureml:{DATA}@latest"}
    register = {
        "type": "command",
        "component": _REGISTER,
        "inputs": {
            "model_name": MODEL,
            "model_type": "custom_model",
            "model_path": "${{parent.jobs.train.outputs.out}}",
        },
        "outputs": {"registration_details_folder": "${{parent.outputs.details}}"},
    }
    return {
        "type": "pipeline",
        "experiment_name": "soak",
        "settings": {"default_compute": f"azureml:{COMPUTE}"},
        "inputs": {"run": "none"},
        "outputs": {"details": {"type": "uri_folder", "mode": "upload"}},
        "jobs": {
            "prepare": step("soak_prepare", words),
            "again": step("soak_prepare", "${{parent.jobs.prepare.outputs.out}}"),
            "train": step("soak_train", "${{parent.jobs.again.outputs.out}}"),
            "register": register,
        },
    }
