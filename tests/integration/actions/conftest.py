"""The actions as a runner runs them: inputs as one JSON object; outputs, summary and annotations read back."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions import cli

COMPUTE = "actions-machine"
ENVIRONMENT = "actions-python"
REGISTER = "azureml://registries/azureml/components/register_model/versions/0.0.21"

ENVIRONMENT_YAML = {
    "name": ENVIRONMENT,
    "version": "1",
    "image": "debian:12",
    "conda_file": {"name": "plain", "dependencies": ["python=3.11"]},
}
COMPUTE_YAML = {"name": COMPUTE, "type": "computeinstance", "size": "Standard_DS3_v2"}


@dataclass(frozen=True)
class Ran:
    """What an action left behind."""

    status: int
    outputs: dict[str, str]
    summary: str
    log: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.log.splitlines() if line.startswith("::error")]

    @property
    def error(self) -> str:
        """The one line that says what is wrong."""
        assert self.status == cli.FAILED, self.log
        (line,) = self.errors
        assert "Traceback" not in self.log
        return line


Action = Callable[..., Ran]
WriteYaml = Callable[[str, object], Path]


def outputs_in(file: Path) -> dict[str, str]:
    """What a runner reads in $GITHUB_OUTPUT."""
    found, lines = {}, iter(file.read_text().splitlines() if file.exists() else [])
    for line in lines:
        name, _, delimiter = line.partition("<<")
        found[name] = "\n".join(iter(lambda: next(lines), delimiter))
    return found


def as_inputs(inputs: dict[str, object]) -> str:
    return json.dumps({cli.kebab(name): str(value) for name, value in inputs.items()})


@pytest.fixture
def runner(tmp_path: Path, emulator_environment: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runner's variables, and its folder for what steps tell it."""
    folder = tmp_path / "runner"
    folder.mkdir()
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "team/project",
        "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
        "GITHUB_RUN_ID": uuid.uuid4().hex[:12],
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_ACTOR": "somebody",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RUNNER_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def action(runner: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Action:
    """Runs an action with inputs, as its step does."""

    def run(command: str, /, **inputs: object) -> Ran:
        for file in runner.iterdir():
            file.unlink()
        capfd.readouterr()
        monkeypatch.setenv("INPUTS", as_inputs(inputs))
        status = cli.run([command])
        summary = runner / "summary"
        said = capfd.readouterr()
        return Ran(
            status,
            outputs_in(runner / "output"),
            summary.read_text() if summary.exists() else "",
            said.out + said.err,
        )

    return run


@pytest.fixture
def write_yaml(tmp_path: Path) -> WriteYaml:
    def write(name: str, content: object) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return file

    return write


@pytest.fixture
def workspace(action: Action, write_yaml: WriteYaml) -> None:
    """A workspace with a running compute and an environment that needs no package, so that jobs start at once."""
    environment = write_yaml("given/environment.yaml", ENVIRONMENT_YAML)
    compute = write_yaml("given/compute.yaml", COMPUTE_YAML)
    assert action("register-assets", environments=environment).status == 0
    assert action("ensure-compute", file=compute).status == 0


def node(command: str, **fields: object) -> dict[str, Any]:
    """A command node of a pipeline's YAML."""
    return {"type": "command", "command": command, "environment": f"azureml:{ENVIRONMENT}@latest", **fields}


def pipeline(jobs: dict[str, object], **fields: object) -> dict[str, object]:
    """A pipeline's YAML."""
    return {
        "type": "pipeline",
        "experiment_name": "actions",
        "settings": {"default_compute": f"azureml:{COMPUTE}"},
        **fields,
        "jobs": jobs,
    }


def training(model_name: str, content: str = "weights") -> dict[str, object]:
    """The YAML of a pipeline that makes a model and registers it."""
    write = "mkdir ${{outputs.model}}/inner; echo ${{inputs.content}} > ${{outputs.model}}/model.bin; "
    write += "echo part > ${{outputs.model}}/inner/part"
    train = node(
        write,
        inputs={"content": "${{parent.inputs.content}}"},
        outputs={"model": {"type": "uri_folder"}},
    )
    register = {
        "type": "command",
        "component": REGISTER,
        "inputs": {
            "model_name": model_name,
            "model_type": "custom_model",
            "model_path": "${{parent.jobs.train.outputs.model}}",
        },
        "outputs": {"registration_details_folder": "${{parent.outputs.details}}"},
    }
    return pipeline(
        {"train": train, "register": register},
        inputs={"content": content},
        outputs={"details": {"type": "uri_folder"}},
    )


def child_environment() -> dict[str, str]:
    """The environment for an action in a process of its own."""
    return dict(os.environ)
