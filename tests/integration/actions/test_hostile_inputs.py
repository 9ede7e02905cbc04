"""Hostile texts in every input, in the environment of the run, in a job's log and in a model's tags: nothing is run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Model

from mlops_actions import cli
from tests.hostile_texts import CANARY, HOSTILE, SURROGATE
from tests.runner_rules import commands_in

from .conftest import Action, Ran, WriteYaml, node, pipeline

OBEYED = {"add-mask", "group", "endgroup", "error", "warning", "notice"}
ACTIONS_THAT_NEED_NO_FILE = {
    "ensure-compute": ["name", "file", "state", "workspace", "tenant-id", "azure-credentials"],
    "register-assets": ["environments", "components", "data", "on-conflict", "resource-group"],
    "run-aml-pipeline": ["file", "job-name", "inputs", "timeout-minutes", "subscription-id"],
    "fetch-model": ["name", "version", "job-name", "path", "client-id"],
    "gate-model": ["name", "job-name", "require", "metrics", "champion", "compare", "evaluation"],
    "build-image": ["context", "image", "file", "tags", "registry", "build-args", "labels", "password"],
    "kube-deploy": ["manifests", "image", "kubeconfig", "annotations", "smoke-path", "smoke-file"],
}
WELL_FORMED = {
    "name": "animals",
    "version": "1",
    "file": "pipeline.yaml",
    "require": "accuracy > 0",
    "image": "localhost:1/x@sha256:" + "0" * 64,
    "context": "context",
    "manifests": "manifests",
}


@pytest.fixture(autouse=True)
def repository(tmp_path: Path) -> Iterator[None]:
    """What the inputs that are well formed name; nothing that a hostile text would make is there in the end."""
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "pipeline.yaml").write_text(yaml.safe_dump(pipeline({"only": node("true")})))
    yield
    assert not list(tmp_path.rglob(CANARY))
    assert not Path(CANARY).exists()


def errors_of(ran: Ran) -> list[str]:
    return [command.data for command in commands_in(ran.log) if command.name == "error"]


def harmless(ran: Ran, *, of_a_secret: bool = False) -> None:
    """Only what the action itself says is obeyed, and its outputs are its own."""
    obeyed = list(commands_in(ran.log))
    assert {command.name for command in obeyed} <= OBEYED
    if not of_a_secret:
        assert not any("forged" in command.data for command in obeyed if command.name == "add-mask")
    assert "Traceback" not in ran.log
    assert "forged" not in ran.outputs
    assert "failed unexpectedly" not in ran.log, ran.log[-2000:]


@pytest.mark.parametrize(
    ("command", "name"), [(command, name) for command, names in ACTIONS_THAT_NEED_NO_FILE.items() for name in names]
)
def test_every_text_in_every_input_is_an_error_in_one_line(action: Action, command: str, name: str) -> None:
    known = {key: value for key, value in WELL_FORMED.items() if key in inputs_of(command)}
    for text in HOSTILE.values():
        ran = action(command, **{**known, "timeout-minutes": "0.01", name: text})
        harmless(ran, of_a_secret=name in {"azure-credentials", "password"})
        # What is only space is not given, or names nothing.
        assert ran.status in {0, cli.FAILED, cli.USAGE}
        if ran.status:
            assert len(errors_of(ran)) == 1, ran.log[-2000:]


def inputs_of(command: str) -> set[str]:
    action = Path(__file__).parents[3] / "actions" / command / "action.yml"
    return set(yaml.safe_load(action.read_text())["inputs"])


PRINTS = """
import json, pathlib, sys
for text in json.loads(pathlib.Path("texts.json").read_text()):
    sys.stdout.write(text + "\\n")
sys.stdout.flush()
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("status", [0, 3])
def test_a_job_whose_log_is_hostile(
    action: Action, write_yaml: WriteYaml, monkeypatch: pytest.MonkeyPatch, ml_client: MLClient, status: int
) -> None:
    texts = list(HOSTILE.values())
    write_yaml("code/print.py", PRINTS)
    write_yaml("code/texts.json", json.dumps(texts))
    for name in ("GITHUB_ACTOR", "GITHUB_REF", "GITHUB_REF_NAME", "GITHUB_HEAD_REF", "GITHUB_WORKFLOW"):
        monkeypatch.setenv(name, HOSTILE["html"] + HOSTILE["set-output"] + HOSTILE["substitution"] + HOSTILE["lines"])
    inputs = {"text": "default"}
    only = node(f"python print.py {status}", code="code", inputs={"text": "${{parent.inputs.text}}"})
    file = write_yaml("pipeline.yaml", pipeline({"only": only}, inputs=inputs))
    hostile_input = HOSTILE["html"] + HOSTILE["fences"] + HOSTILE["old-command"]
    ran = action("run-aml-pipeline", file=file, inputs=json.dumps({"text": hostile_input}))

    harmless(ran)
    assert ran.outputs["status"] == ("Failed" if status else "Completed"), ran.log[-2000:]
    assert len(errors_of(ran)) == (1 if status else 0)
    # All of it is shown, line by line.
    for text in (HOSTILE["set-output"], HOSTILE["old-command"], "👩\u200d💻", HOSTILE["substitution"]):
        assert text in ran.log
    assert "\x1b[2J" not in ran.log
    table = [line for line in ran.summary.splitlines() if line.startswith("|")]
    assert table
    assert not any("<img" in line or "<script" in line for line in table)
    job = ml_client.jobs.get(ran.outputs["job-name"])
    assert job.tags["actor"].startswith("<img")
    assert yaml.safe_load(str(job))["inputs"]["text"] == hostile_input


@pytest.fixture
def model(ml_client: MLClient, tmp_path: Path) -> str:
    """A model whose tags are hostile."""
    name = f"hostile-{uuid.uuid4().hex[:8]}"
    (tmp_path / "model.bin").write_text("weights")
    tags = {"job": HOSTILE["assignment"], "html": HOSTILE["html"], "error": HOSTILE["error"]}
    ml_client.models.create_or_update(Model(name=name, version="1", path=str(tmp_path / "model.bin"), tags=tags))
    return name


def test_a_model_whose_tags_are_hostile(action: Action, model: str) -> None:
    ran = action("fetch-model", name=model, version="1", path="context/model")
    harmless(ran)
    assert ran.status == 0, ran.log
    assert ran.outputs["job-name"] == "", "a line break in it would be another label of the image"


def test_a_compute_that_would_be_the_workspace(action: Action, ml_client: MLClient) -> None:
    for name in ("..", "../..", "../computes/x", "x/../.."):
        ran = action("ensure-compute", name=name, state="deleted", only_if_idle="false")
        assert "is not a name" in ran.error
    assert ml_client.workspaces.get(ml_client.workspace_name) is not None


def test_a_name_that_is_not_unicode(action: Action) -> None:
    ran = action("ensure-compute", name=SURROGATE, state="deleted")
    harmless(ran)


OUTSIDE = {
    "ensure-compute": {"file": "../compute.yaml"},
    "register-assets": {"environments": "../*.yaml"},
    "run-aml-pipeline": {"file": "../pipeline.yaml"},
    "fetch-model": {"name": "animals", "version": "1", "path": "../model"},
    "gate-model": {"name": "animals", "version": "1", "require": "a > 0", "evaluation": "../evaluation.yaml"},
    "build-image": {"context": "..", "image": "x"},
    "kube-deploy": {"manifests": "..", "image": "x"},
}


@pytest.mark.parametrize("command", list(cli.ACTIONS))
def test_a_path_out_of_the_workspace(
    action: Action, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "compute.yaml").write_text("name: x\ntype: computeinstance\n")
    monkeypatch.chdir(tmp_path / "workspace")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "workspace"))
    ran = action(command, **OUTSIDE[command])
    assert "which is not in the workspace" in ran.error


def test_nothing_from_outside_is_uploaded(
    action: Action, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_yaml: WriteYaml, ml_client: MLClient
) -> None:
    write_yaml("secrets/key", "a-canary")
    workspace = tmp_path / "workspace"
    (workspace / "code").mkdir(parents=True)
    (workspace / "code" / "notes.txt").symlink_to("../../secrets/key")
    component = {"type": "command", "name": "leaks", "version": "1", "environment": "azureml:x@latest"}
    component |= {"command": "cat notes.txt", "code": "code"}
    write_yaml("workspace/component.yaml", component)
    write_yaml("workspace/data.yaml", {"name": "leaks", "version": "1", "type": "uri_file", "path": "../secrets/key"})
    write_yaml("workspace/pipeline.yaml", pipeline({"only": node("cat notes.txt", code="code")}))
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(workspace))
    for command, inputs in (
        ("register-assets", {"components": "component.yaml"}),
        ("register-assets", {"data": "data.yaml"}),
        ("run-aml-pipeline", {"file": "pipeline.yaml"}),
    ):
        ran = action(command, **inputs)
        assert "secrets/key, which is not in the workspace" in ran.error
        assert ".yaml,line=" in ran.error
    assert not [data for data in ml_client.data.list() if data.name == "leaks"]
