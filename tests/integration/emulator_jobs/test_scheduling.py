from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.exceptions import JobException

from .conftest import COMPUTE, Submit, children, ended, failure, node, until

MEET = """
import pathlib, sys, time
mine, other = (pathlib.Path(a) for a in sys.argv[1:])
mine.touch()
deadline = time.monotonic() + 60
while not other.exists():
    if time.monotonic() > deadline:
        sys.exit("nobody came")
    time.sleep(0.05)
"""
FAMILY = """
import os, pathlib, subprocess, sys, time
folder = pathlib.Path(sys.argv[1])
wait = [sys.executable, "-c", "import time; time.sleep(600)"]
processes = [subprocess.Popen(wait), subprocess.Popen(wait, start_new_session=True)]
(folder / "part").write_text(" ".join(str(p) for p in [os.getpid(), *(p.pid for p in processes)]))
(folder / "part").rename(folder / "pids")
time.sleep(600)
"""


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_independent_nodes_run_side_by_side(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    job = submit(
        {
            "left": node(f"python meet.py {left} {right}", code=True),
            "right": node(f"python meet.py {right} {left}", code=True),
        },
        scripts={"meet.py": MEET},
    )
    assert ended(client, job.name) == "Completed"


def test_cancel_ends_every_process(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    job = submit({"family": node(f"python family.py {tmp_path}", code=True)}, scripts={"family.py": FAMILY})
    until("the node to run", pids.exists)
    started = pids.read_text().split()
    assert len(started) == 3
    assert all(alive(pid) for pid in started)
    client.jobs.begin_cancel(job.name).result()
    assert client.jobs.get(job.name).status == "Canceled"
    assert children(client, job.name)["family"].status == "Canceled"
    assert not [pid for pid in started if alive(pid)]
    client.jobs.begin_cancel(job.name).result()


def test_a_failure_ends_the_other_nodes(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    wait = f"while [ ! -e {pids} ]; do sleep 0.1; done; exit 1"
    job = submit(
        {"long": node(f"python family.py {tmp_path}", code=True), "broken": node(wait)}, scripts={"family.py": FAMILY}
    )
    assert ended(client, job.name) == "Failed"
    assert {name: child.status for name, child in children(client, job.name).items()} == {
        "long": "Canceled",
        "broken": "Failed",
    }
    assert not [pid for pid in pids.read_text().split() if alive(pid)]


def test_with_continue_on_step_failure_the_others_go_on(client: MLClient, submit: Submit) -> None:
    write = "echo done > ${{outputs.out}}/a"
    job = submit(
        {
            "broken": node("exit 1", outputs={"out": {"type": "uri_folder"}}),
            "fine": node(write, outputs={"out": {"type": "uri_folder"}}),
            "after_broken": node("cat ${{inputs.a}}/a", inputs={"a": "${{parent.jobs.broken.outputs.out}}"}),
            "after_fine": node("cat ${{inputs.a}}/a", inputs={"a": "${{parent.jobs.fine.outputs.out}}"}),
        },
        settings={"default_compute": f"azureml:{COMPUTE}", "continue_on_step_failure": True},
    )
    assert ended(client, job.name) == "Failed"
    assert {name: child.status for name, child in children(client, job.name).items()} == {
        "broken": "Failed",
        "fine": "Completed",
        "after_fine": "Completed",
    }


def test_a_job_on_a_stopped_instance_fails(client: MLClient, submit: Submit) -> None:
    client.compute.begin_stop(COMPUTE).result()
    job = submit({"hello": node("echo hello")})
    with pytest.raises(JobException, match=f"{COMPUTE} is not running: its state is Stopped"):
        client.jobs.stream(job.name)
    assert ended(client, job.name) == "Failed"


def test_stopping_the_instance_ends_the_job(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    job = submit({"family": node(f"python family.py {tmp_path}", code=True)}, scripts={"family.py": FAMILY})
    until("the node to run", pids.exists)
    client.compute.begin_stop(COMPUTE).result()
    assert ended(client, job.name) == "Failed"
    assert "is not running" in failure(client, job.name)
    assert not [pid for pid in pids.read_text().split() if alive(pid)]
