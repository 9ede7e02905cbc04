"""Distributed commands: real processes that find each other by what their framework's variables say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, command
from azure.ai.ml.entities import Job
from azure.core.exceptions import HttpResponseError

from .conftest import CLUSTER, COMPUTE, ENVIRONMENT, Submit, children, ended, failure, until

# Rank 0 listens where the master is said to be; the others tell it who they are.
MEET = """
import json, os, socket, sys, time
rank, world = (int(os.environ[name]) for name in sys.argv[1:3])
seen = {k: os.environ[k] for k in sys.argv[3:]}
at = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if rank == 0:
    met = [seen]
    with socket.create_server(at) as server:
        for _ in range(world - 1):
            with server.accept()[0] as peer:
                met.append(json.loads(peer.makefile().read()))
    json.dump(met, open("outputs/met.json", "w"))
    print("all met")
else:
    for _ in range(100):
        try:
            with socket.create_connection(at) as peer:
                peer.sendall(json.dumps(seen).encode())
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    print("rank", rank, "told")
"""


def submitted(client: MLClient, line: str, folder: Path, *, instances: int = 1, **fields: object) -> Job:
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "meet.py").write_text(MEET)
    return client.jobs.create_or_update(
        command(
            command=line,
            code=str(folder / "code"),
            environment=f"{ENVIRONMENT}@latest",
            compute=CLUSTER if instances > 1 else COMPUTE,
            instance_count=instances,
            **fields,  # type: ignore[arg-type]
        )
    )


def artifact(client: MLClient, name: str, path: str, folder: Path) -> str:
    client.jobs.download(name, download_path=folder / name)
    return (folder / name / "artifacts" / path).read_text()


@pytest.mark.conformance("distribution: pytorch")
def test_pytorch_ranks_meet(client: MLClient, tmp_path: Path) -> None:
    told = "RANK LOCAL_RANK NODE_RANK WORLD_SIZE"
    job = submitted(
        client,
        f"python meet.py RANK WORLD_SIZE {told}",
        tmp_path,
        instances=2,
        distribution={"type": "pytorch", "process_count_per_instance": 2},
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    met = sorted(json.loads(artifact(client, job.name, "outputs/met.json", tmp_path)), key=lambda one: one["RANK"])
    assert [list(one.values()) for one in met] == [
        ["0", "0", "0", "4"],
        ["1", "1", "0", "4"],
        ["2", "0", "1", "4"],
        ["3", "1", "1", "4"],
    ]
    assert "all met" in (tmp_path / job.name / "artifacts/user_logs/std_log_process_0.txt").read_text()
    assert "rank 3 told" in (tmp_path / job.name / "artifacts/user_logs/std_log_process_3.txt").read_text()


@pytest.mark.conformance("distribution: mpi")
def test_mpi_ranks_meet(client: MLClient, tmp_path: Path) -> None:
    job = submitted(
        client,
        "python meet.py OMPI_COMM_WORLD_RANK OMPI_COMM_WORLD_SIZE OMPI_COMM_WORLD_LOCAL_RANK",
        tmp_path,
        distribution={"type": "mpi", "process_count_per_instance": 3},
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    met = json.loads(artifact(client, job.name, "outputs/met.json", tmp_path))
    assert sorted(one["OMPI_COMM_WORLD_LOCAL_RANK"] for one in met) == ["0", "1", "2"]


@pytest.mark.conformance("distribution: tensorflow")
def test_tensorflow_workers_end_their_parameter_server(client: MLClient, tmp_path: Path) -> None:
    line = 'echo "$TF_CONFIG"; case "$TF_CONFIG" in *\'"type": "ps"\'*) sleep 600;; esac'
    job = submitted(
        client,
        line,
        tmp_path,
        instances=3,
        distribution={"type": "tensorflow", "worker_count": 2, "parameter_server_count": 1},
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    client.jobs.download(job.name, download_path=tmp_path / job.name)
    logs = tmp_path / job.name / "artifacts/user_logs"
    configs = [
        json.loads(
            next(line for line in (logs / f"std_log_process_{rank}.txt").read_text().splitlines() if "cluster" in line)
        )
        for rank in range(3)
    ]
    assert [config["task"] for config in configs] == [
        {"type": "worker", "index": 0},
        {"type": "worker", "index": 1},
        {"type": "ps", "index": 0},
    ]
    cluster = configs[0]["cluster"]
    assert (len(cluster["worker"]), len(cluster["ps"])) == (2, 1)
    assert len({*cluster["worker"], *cluster["ps"]}) == 3


def test_a_process_that_fails_ends_the_others(client: MLClient, tmp_path: Path) -> None:
    job = submitted(
        client,
        f'if [ "$RANK" = 1 ]; then exit 5; fi; touch {tmp_path}/started; sleep 600',
        tmp_path,
        distribution={"type": "pytorch", "process_count_per_instance": 2},
    )
    assert ended(client, job.name, seconds=60) == "Failed"
    assert "process 1 exited with status code 5" in failure(client, job.name)


def test_canceling_ends_all_processes(client: MLClient, tmp_path: Path) -> None:
    job = submitted(
        client,
        f"echo $$ > {tmp_path}/pid-$RANK; sleep 600",
        tmp_path,
        distribution={"type": "pytorch", "process_count_per_instance": 3},
    )
    pids = [tmp_path / f"pid-{rank}" for rank in range(3)]
    until("all processes to run", lambda: all(file.exists() and file.read_text().strip() for file in pids))
    client.jobs.begin_cancel(job.name).result()
    assert ended(client, job.name) == "Canceled"
    until("the processes to end", lambda: not any(Path("/proc", f.read_text().strip()).exists() for f in pids))


def test_a_distributed_node_of_a_pipeline(client: MLClient, submit: Submit, tmp_path: Path) -> None:
    job = submit(
        {
            "both": {
                "type": "command",
                "command": "echo rank $RANK > ${{outputs.o}}/$RANK.txt",
                "environment": f"azureml:{ENVIRONMENT}@latest",
                "outputs": {"o": {"type": "uri_folder"}},
                "distribution": {"type": "pytorch", "process_count_per_instance": 1},
                "resources": {"instance_count": 2},
                "compute": f"azureml:{CLUSTER}",
            }
        }
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    client.jobs.download(children(client, job.name)["both"].name, download_path=tmp_path, output_name="o")
    assert sorted(f.name for f in (tmp_path / "named-outputs/o").iterdir()) == ["0.txt", "1.txt"]


@pytest.mark.conformance("refusals: more instances than the compute has")
def test_more_instances_than_the_compute_has_are_refused(client: MLClient, tmp_path: Path) -> None:
    with pytest.raises(HttpResponseError, match="asks for 5 instances, but the compute jobs-cluster has 4 at most"):
        submitted(client, "true", tmp_path, instances=5, distribution={"type": "pytorch"})


@pytest.mark.parametrize(
    ("distribution", "text"),
    [({"type": "ray"}, "ray is not implemented"), ({"type": "pytorch", "process_count_per_instance": 999}, "999")],
)
def test_a_distribution_that_cannot_be_is_refused(
    client: MLClient, tmp_path: Path, distribution: dict[str, object], text: str
) -> None:
    with pytest.raises(HttpResponseError, match=text):
        submitted(client, "true", tmp_path, distribution=distribution)
