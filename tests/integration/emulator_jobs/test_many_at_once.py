"""Many pipelines at once: each node runs once, all of them complete, and the emulator does not grow with them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from azure.ai.ml import MLClient

from azureml_emulator import processes

from ..conftest import Emulator
from .conftest import Submit, children, ended, failure, node, until

PIPELINES, NODES = 20, 5
MEGABYTES = 64
"""What the server's process may grow by: a hundred runs at once, their logs and their threads."""


def resident_megabytes(emulator: Emulator) -> float:
    pid = processes.running(emulator.settings.state / "pid" / "emulator")
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@pytest.mark.conformance("jobs: 20 pipelines of 5 nodes at once")
def test_twenty_pipelines_at_once(client: MLClient, emulator: Emulator, submit: Submit, tmp_path: Path) -> None:
    before = resident_megabytes(emulator)
    gate, ran = tmp_path / "gate", tmp_path / "ran"
    ran.mkdir()
    wait = f"while [ ! -e {gate} ]; do sleep 0.05; done; "
    note = f"echo x >> {ran}/$AZUREML_RUN_ID; "
    out = {"o": {"type": "uri_folder"}}
    jobs: dict[str, object] = {"n0": node(wait + note + "seq 9 > ${{outputs.o}}/f", outputs=out)}
    for number in range(1, NODES):
        source = {"type": "uri_folder", "path": f"${{{{parent.jobs.n{(number - 1) // 2}.outputs.o}}}}"}
        command = note + "cp ${{inputs.i}}/f ${{outputs.o}}/f"
        jobs[f"n{number}"] = node(command, inputs={"i": source}, outputs=out)
    names = [str(submit(jobs).name) for _ in range(PIPELINES)]
    until("all to have begun", lambda: {client.jobs.get(name).status for name in names} == {"Running"})
    gate.touch()
    for name in names:
        assert ended(client, name, seconds=300) == "Completed", failure(client, name)
    runs = Counter(child.name for name in names for child in children(client, name).values())
    assert len(runs) == PIPELINES * NODES
    assert {file.name: file.read_text() for file in ran.iterdir()} == dict.fromkeys(runs, "x\n")
    assert resident_megabytes(emulator) - before < MEGABYTES
