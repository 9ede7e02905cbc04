"""Pipeline components: nodes that are pipelines themselves, two deep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient, load_component, load_job
from azure.ai.ml.entities import PipelineJob
from azure.core.exceptions import HttpResponseError

from .conftest import COMPUTE, Submit, children, component, ended, failure, node, until

WRITES = component(
    'echo "${{inputs.text}}" > ${{outputs.out}}/text.txt',
    inputs={"text": {"type": "string", "default": "unsaid"}},
    outputs={"out": {"type": "uri_folder"}},
)
COPIES = component(
    "cat ${{inputs.folder}}/text.txt > ${{outputs.out}}/text.txt; echo copied >> ${{outputs.out}}/text.txt",
    inputs={"folder": {"type": "uri_folder"}},
    outputs={"out": {"type": "uri_folder"}},
)


def pipeline(jobs: dict[str, object], **fields: object) -> dict[str, object]:
    return {"type": "pipeline", "outputs": {"result": {"type": "uri_folder"}}, "jobs": jobs, **fields}


INNER = pipeline(
    {
        "write": {"type": "command", "component": "./writes.yaml", "inputs": {"text": "${{parent.inputs.said}}"}},
        "copy": {
            "type": "command",
            "component": "./copies.yaml",
            "inputs": {"folder": "${{parent.jobs.write.outputs.out}}"},
            "outputs": {"out": "${{parent.outputs.result}}"},
        },
    },
    inputs={"said": {"type": "string", "default": "by default"}},
)
OUTER = pipeline(
    {
        "inner": {
            "type": "pipeline",
            "component": "./inner.yaml",
            "inputs": {"said": "${{parent.inputs.said}}"},
            "outputs": {"result": "${{parent.outputs.result}}"},
        }
    },
    inputs={"said": {"type": "string"}},
)
COMPONENTS: dict[str, object] = {"writes": WRITES, "copies": COPIES, "inner": INNER, "outer": OUTER}


@pytest.mark.conformance("jobs: pipeline components nested in pipelines")
def test_a_pipeline_within_a_pipeline_within_a_pipeline(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    job = submit(
        {
            "deep": {"type": "pipeline", "component": "./outer.yaml", "inputs": {"said": "${{parent.inputs.word}}"}},
            "last": {
                "type": "command",
                "component": "./copies.yaml",
                "inputs": {"folder": "${{parent.jobs.deep.outputs.result}}"},
                "outputs": {"out": "${{parent.outputs.end}}"},
            },
        },
        components=COMPONENTS,
        inputs={"word": "hello"},
        outputs={"end": {"type": "uri_folder"}},
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    client.jobs.download(job.name, download_path=tmp_path, output_name="end")
    assert (tmp_path / "named-outputs/end/text.txt").read_text() == "hello\ncopied\ncopied\n"
    deep = children(client, job.name)["deep"]
    inner = children(client, deep.name)["inner"]
    assert set(children(client, inner.name)) == {"write", "copy"}


def test_a_default_of_a_pipeline_component_is_used(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    job = submit({"only": {"type": "pipeline", "component": "./inner.yaml"}}, components=COMPONENTS)
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    child = children(client, job.name)["only"]
    client.jobs.download(children(client, child.name)["copy"].name, download_path=tmp_path, output_name="out")
    assert (tmp_path / "named-outputs/out/text.txt").read_text() == "by default\ncopied\n"


def test_the_error_of_a_node_deep_inside_is_the_jobs(client: MLClient, submit: Submit) -> None:
    breaks = pipeline({"breaks": node("echo so it is; exit 3")}, outputs={})
    around = pipeline({"middle": {"type": "pipeline", "component": "./breaks.yaml"}}, outputs={})
    job = submit(
        {"deep": {"type": "pipeline", "component": "./around.yaml"}}, components={"breaks": breaks, "around": around}
    )
    assert ended(client, job.name) == "Failed"
    told = failure(client, job.name)
    assert "Failed nodes: /deep" in told
    assert "exited with status code 3" in told
    assert "so it is" in told


def test_canceling_ends_what_runs_deep_inside(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    sleeps = pipeline({"sleep": node(f"touch {tmp_path}/runs; sleep 600")}, outputs={})
    job = submit({"deep": {"type": "pipeline", "component": "./sleeps.yaml"}}, components={"sleeps": sleeps})
    until("the node to run", (tmp_path / "runs").exists)
    client.jobs.begin_cancel(job.name).result()
    assert ended(client, job.name) == "Canceled"
    deep = children(client, job.name)["deep"]
    assert {deep.status, *(child.status for child in children(client, deep.name).values())} == {"Canceled"}


def test_a_registered_pipeline_component_is_a_job(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    submit({"x": node("true")}, components=COMPONENTS)  # Writes the files.
    folder = next(iter(tmp_path.glob("*/inner.yaml"))).parent
    registered = client.components.create_or_update(
        load_component(folder / "inner.yaml", params_override=[{"name": "inner_one"}])
    )
    named: Any = load_job(
        folder / "pipeline.yaml",
        params_override=[
            {"jobs": {"used": {"type": "pipeline", "component": f"azureml:{registered.name}:{registered.version}"}}}
        ],
    )
    job = client.jobs.create_or_update(named)
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    whole = PipelineJob(component=registered.id, inputs={"said": "directly"}, settings=named.settings, compute=COMPUTE)
    job = client.jobs.create_or_update(whole)
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    assert set(children(client, job.name)) == {"write", "copy"}


def test_a_value_that_does_not_fit_deep_inside_is_refused(submit: Submit) -> None:
    counts = component("seq ${{inputs.times}}", inputs={"times": {"type": "integer", "max": 9}})
    inner = pipeline(
        {"count": {"type": "command", "component": "./counts.yaml", "inputs": {"times": "${{parent.inputs.n}}"}}},
        inputs={"n": {"type": "integer"}},
        outputs={},
    )
    with pytest.raises(HttpResponseError, match="node count, input times is 10, more than the maximum 9"):
        submit(
            {"only": {"type": "pipeline", "component": "./inner.yaml", "inputs": {"n": 10}}},
            components={"counts": counts, "inner": inner},
        )
