"""Finished nodes answer for later ones: same component, inputs and code."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Environment

from .conftest import COMPUTE, Submit, children, component, ended, failure, node

WRITES: dict[str, object] = {
    "writes": component(
        "echo ${{inputs.n}} >> ${{outputs.out}}/n; date +%N >> ${{outputs.out}}/n",
        inputs={"n": {"type": "integer"}},
        outputs={"out": {"type": "uri_folder"}},
    ),
    "reads": component(
        "cat ${{inputs.folder}}/n > ${{outputs.out}}/n",
        inputs={"folder": {"type": "uri_folder"}},
        outputs={"out": {"type": "uri_folder"}},
    ),
}
SETTINGS = {"default_compute": f"azureml:{COMPUTE}"}


def jobs(n: int) -> dict[str, object]:
    return {
        "first": {"type": "command", "component": "./writes.yaml", "inputs": {"n": n}},
        "second": {
            "type": "command",
            "component": "./reads.yaml",
            "inputs": {"folder": "${{parent.jobs.first.outputs.out}}"},
            "outputs": {"out": "${{parent.outputs.end}}"},
        },
    }


def run(client: MLClient, submit: Submit, n: int, *, force: bool = False) -> tuple[str, dict[str, str | None]]:
    job = submit(
        jobs(n),
        components=WRITES,
        outputs={"end": {"type": "uri_folder"}},
        settings={**SETTINGS, "force_rerun": force},
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    reused = {name: child.properties.get("azureml.reusedrunid") for name, child in children(client, job.name).items()}
    return str(job.name), reused


def text(client: MLClient, job: str, folder: Path) -> str:
    client.jobs.download(job, download_path=folder / job, output_name="end")
    return (folder / job / "named-outputs/end/n").read_text()


@pytest.mark.conformance("settings: reuse of deterministic nodes, force_rerun")
def test_a_node_is_answered_from_its_former_run(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    first, fresh = run(client, submit, 11)
    assert set(fresh.values()) == {None}
    again, reused = run(client, submit, 11)
    assert None not in reused.values()
    assert text(client, again, tmp_path) == text(client, first, tmp_path)

    _, changed = run(client, submit, 12)
    assert set(changed.values()) == {None}
    forced, anew = run(client, submit, 11, force=True)
    assert set(anew.values()) == {None}
    assert text(client, forced, tmp_path) != text(client, first, tmp_path)


def test_only_what_is_downstream_of_a_change_runs_again(client: MLClient, submit: Submit) -> None:
    def of(command: str) -> dict[str, str | None]:
        job = submit(
            {
                "one": node("echo one > ${{outputs.o}}/f", outputs={"o": {"type": "uri_folder"}}),
                "two": node(
                    command,
                    inputs={"i": {"type": "uri_folder", "path": "${{parent.jobs.one.outputs.o}}"}},
                    outputs={"o": {"type": "uri_folder"}},
                ),
            },
            settings=SETTINGS,
        )
        assert ended(client, job.name) == "Completed", failure(client, job.name)
        return {name: c.properties.get("azureml.isreused") for name, c in children(client, job.name).items()}

    of("cp ${{inputs.i}}/f ${{outputs.o}}/g")
    assert of("cp ${{inputs.i}}/f ${{outputs.o}}/h") == {"one": "true", "two": None}


def test_what_failed_or_is_not_deterministic_runs_again(client: MLClient, submit: Submit) -> None:
    for _ in range(2):
        job = submit({"fails": node("echo reuse-never; exit 4")}, settings=SETTINGS)
        assert ended(client, job.name) == "Failed"
    chance: dict[str, object] = {"chance": {**component("date +%N"), "is_deterministic": False}}
    for _ in range(2):
        job = submit({"c": {"type": "command", "component": "./chance.yaml"}}, components=chance, settings=SETTINGS)
        assert ended(client, job.name) == "Completed"
        assert "azureml.isreused" not in children(client, job.name)["c"].properties


def test_what_reads_an_output_that_was_written_anew_runs_again(client: MLClient, submit: Submit) -> None:
    # The first node always writes to the same place, so that its URI alone says nothing to the second.
    place = f"azureml://datastores/workspaceblobstore/paths/{uuid.uuid4().hex}/"
    chance = component("date +%N > ${{outputs.out}}/n", outputs={"out": {"type": "uri_folder"}})
    parts = {"chance": {**chance, "is_deterministic": False}, **WRITES}
    nodes = {**jobs(1), "first": {"type": "command", "component": "./chance.yaml"}}
    nodes["first"] |= {"outputs": {"out": {"type": "uri_folder", "path": place}}}
    written = []
    for _ in range(2):
        job = submit(nodes, components=parts, outputs={"end": {"type": "uri_folder"}}, settings=SETTINGS)
        assert ended(client, job.name) == "Completed", failure(client, job.name)
        written.append(children(client, job.name)["second"].properties.get("azureml.isreused"))
    assert written == [None, None]


def test_a_run_whose_output_was_written_over_answers_no_more(client: MLClient, submit: Submit) -> None:
    place = {"type": "uri_folder", "path": f"azureml://datastores/workspaceblobstore/paths/{uuid.uuid4().hex}/"}

    def reused(n: int) -> str | None:
        writes = {"type": "command", "component": "./writes.yaml", "inputs": {"n": n}, "outputs": {"out": place}}
        job = submit({"writes": writes}, components=WRITES, settings=SETTINGS)
        assert ended(client, job.name) == "Completed", failure(client, job.name)
        return children(client, job.name)["writes"].properties.get("azureml.isreused")

    assert [reused(n) for n in (21, 21, 22, 21)] == [None, "true", None, None]


def test_a_change_of_the_environment_runs_it_again(client: MLClient, submit: Submit) -> None:
    name, seen = f"moving{uuid.uuid4().hex[:8]}", []
    for python in ("python=3.11", "python=3.11", "python>=3.11,<3.12"):
        conda = {"name": "plain", "dependencies": [python]}
        client.environments.create_or_update(Environment(name=name, image="debian:12", conda_file=conda))
        job = submit({"one": node("echo moving", environment=name)}, settings=SETTINGS)
        assert ended(client, job.name) == "Completed", failure(client, job.name)
        seen.append(children(client, job.name)["one"].properties.get("azureml.isreused"))
    assert seen == [None, "true", None]
