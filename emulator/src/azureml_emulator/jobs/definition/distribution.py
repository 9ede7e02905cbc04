"""Distributed commands: several processes of one run on this machine, each told its rank as the framework expects it.

What the processes see follows https://learn.microsoft.com/azure/machine-learning/how-to-train-distributed-gpu; a node
("instance") of the compute is a group of processes here.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import bad_request, not_implemented
from ...shapes import mapping, text

_KINDS = {"mpi": "mpi", "pytorch": "pytorch", "tensorflow": "tensorflow"}
_MOST_PROCESSES = 64
"""More than this on one machine is a slip rather than a wish."""


@dataclass(frozen=True)
class Distribution:
    """How a command is distributed; `kind` is mpi, pytorch or tensorflow. None of the counts: as many as instances."""

    kind: str
    processes_per_instance: int = 1
    workers: int | None = None
    parameter_servers: int = 0


@dataclass(frozen=True)
class Process:
    """One process of a run. `role` is `worker`, or `ps` for a parameter server, which is ended with the last worker."""

    rank: int
    variables: Mapping[str, str]
    role: str = "worker"


def read_distribution(given: object, where: str) -> Distribution | None:
    """The distribution in a component or a job, in either spelling of the wire; None for none.

    Raises ServiceError: 400 for what is no distribution, 501 for a kind that is not run here (Ray).
    """
    spec = mapping(given, where)
    if not spec:
        return None
    named = next((spec[key] for key in ("distribution_type", "distributionType", "type") if key in spec), None)
    kind = (text(named, f"{where}.type") or "").lower()
    if kind not in _KINDS:
        if kind == "ray":
            raise not_implemented("a distribution of type ray")
        raise bad_request(f"{where} is of type {kind or 'none'}, not one of {', '.join(_KINDS)}", "ValidationError")
    per_instance = _count(spec, ("process_count_per_instance", "processCountPerInstance"), where, least=1)
    return Distribution(
        kind=kind,
        processes_per_instance=1 if per_instance is None else per_instance,
        workers=_count(spec, ("worker_count", "workerCount"), where, least=1),
        parameter_servers=_count(spec, ("parameter_server_count", "parameterServerCount"), where, least=0) or 0,
    )


def read_instances(given: object, where: str) -> int:
    """How many instances a run's `resources` ask for; 1 unless they say so. Raises ServiceError (400)."""
    return _count(mapping(given, where), ("instance_count", "instanceCount"), where, least=1) or 1


def _count(spec: Mapping[str, Any], names: tuple[str, ...], where: str, *, least: int) -> int | None:
    value = next((spec[name] for name in names if spec.get(name) is not None), None)
    if value is None:
        return None
    try:
        count = int(str(value))
    except ValueError as error:
        raise bad_request(f"{where}.{names[0]} is {value!r}, not a number", "ValidationError") from error
    if not least <= count <= _MOST_PROCESSES:
        raise bad_request(f"{where}.{names[0]} is {count}, not {least} to {_MOST_PROCESSES}", "ValidationError")
    return count


def check(distribution: Distribution | None, instances: int, where: str) -> None:
    """Raise ServiceError (400) for counts that do not fit together."""
    if distribution is None:
        return
    if distribution.kind == "tensorflow":
        wanted = (distribution.workers or instances) + distribution.parameter_servers
        if distribution.workers is not None and wanted < instances:
            raise bad_request(
                f"{where}: {wanted} TensorFlow tasks cannot fill {instances} instances", "ValidationError"
            )
    else:
        wanted = instances * distribution.processes_per_instance
    if wanted > _MOST_PROCESSES:
        raise bad_request(f"{where}: {wanted} processes are more than {_MOST_PROCESSES}", "ValidationError")


def processes(distribution: Distribution, instances: int) -> list[Process]:
    """The processes of a run, rank 0 first; ports are free ones of this machine's loopback."""
    if distribution.kind == "tensorflow":
        return _tensorflow(distribution, instances)
    per_instance = distribution.processes_per_instance
    world = instances * per_instance
    (port,) = _free_ports(1)
    return [
        Process(rank, _variables(distribution.kind, rank, world, per_instance=per_instance, port=port))
        for rank in range(world)
    ]


def _variables(kind: str, rank: int, world: int, *, per_instance: int, port: int) -> dict[str, str]:
    node, local = divmod(rank, per_instance)
    values: dict[str, object] = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": node}
    if kind == "pytorch":
        values |= {"WORLD_SIZE": world, "RANK": rank, "LOCAL_RANK": local, "LOCAL_WORLD_SIZE": per_instance}
    else:
        # What Open MPI's mpirun gives each process, and the names by which Azure's images know the master.
        values |= {
            "OMPI_COMM_WORLD_SIZE": world,
            "OMPI_COMM_WORLD_RANK": rank,
            "OMPI_COMM_WORLD_LOCAL_RANK": local,
            "OMPI_COMM_WORLD_LOCAL_SIZE": per_instance,
            "OMPI_COMM_WORLD_NODE_RANK": local,
            "OMPI_UNIVERSE_SIZE": world,
            "AZ_BATCHAI_MPI_MASTER_NODE": "127.0.0.1",
            "AZ_BATCH_MASTER_NODE": f"127.0.0.1:{port}",
        }
    return {name: str(value) for name, value in values.items()}


def _tensorflow(distribution: Distribution, instances: int) -> list[Process]:
    """TF_CONFIG: https://www.tensorflow.org/guide/distributed_training#TF_CONFIG."""
    workers, servers = distribution.workers or instances, distribution.parameter_servers
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(workers + servers)]
    cluster = {"worker": addresses[:workers]} | ({"ps": addresses[workers:]} if servers else {})

    def process(rank: int, role: str, index: int) -> Process:
        told = {"cluster": cluster, "task": {"type": role, "index": index}, "environment": "cloud"}
        return Process(rank, {"TF_CONFIG": json.dumps(told)}, role)

    return [
        *(process(index, "worker", index) for index in range(workers)),
        *(process(workers + index, "ps", index) for index in range(servers)),
    ]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
