"""An output of a node that is called `artifacts`: what the run logged and wrote to ./outputs."""

from __future__ import annotations

import pytest
from azure.ai.ml import MLClient

from .conftest import Submit, component, ended, node

READS = component(
    "${{inputs.command}} ${{inputs.data}}", inputs={"data": {"type": "uri_folder"}, "command": {"type": "string"}}
)


@pytest.mark.conformance("outputs: one called artifacts is the run's default artifacts")
def test_a_node_reads_what_another_wrote_to_its_outputs_folder(client: MLClient, submit: Submit) -> None:
    job = submit(
        {
            "first": node(
                "echo one > outputs/one.txt; echo two > ${{outputs.artifacts}}/two.txt; echo said",
                outputs={"artifacts": {"type": "uri_folder"}},
            ),
            "second": node(
                "cd ${{inputs.found}}; grep one outputs/one.txt && grep two two.txt && grep said user_logs/std_log.txt",
                inputs={"found": "${{parent.jobs.first.outputs.artifacts}}"},
            ),
        }
    )
    assert ended(client, job.name) == "Completed"


@pytest.mark.conformance("inputs: a uri_file given to a component's uri_folder stays the path of a file")
def test_a_file_is_given_to_an_input_for_folders(client: MLClient, submit: Submit) -> None:
    jobs: dict[str, object] = {
        "write": node("echo 1 > ${{outputs.one}}", outputs={"one": {"type": "uri_file"}}),
        "of_a_node": {
            "type": "command",
            "component": "./reads.yaml",
            "inputs": {"command": "grep 1", "data": "${{parent.jobs.write.outputs.one}}"},
        },
        "of_the_pipeline": {
            "type": "command",
            "component": "./reads.yaml",
            "inputs": {"command": "test -f", "data": {"type": "uri_file", "path": "./reads.yaml"}},
        },
        "folder": {
            "type": "command",
            "component": "./reads.yaml",
            "inputs": {"command": "test -d", "data": {"type": "uri_folder", "path": "./code"}},
        },
    }
    assert ended(client, submit(jobs, components={"reads": READS}, scripts={"a.txt": "a"}).name) == "Completed"
