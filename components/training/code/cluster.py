"""Which worker of how many this process is, by TF_CONFIG.

Azure ML's `distribution: {type: tensorflow}` starts the program once a worker, with TF_CONFIG in its environment:
https://www.tensorflow.org/guide/distributed_training#TF_CONFIG
"""

from __future__ import annotations

import json
from typing import Any


class ClusterError(Exception):
    """A TF_CONFIG that names no workers to train with; the text says what is wrong with it."""


def place(config: str) -> tuple[int, int]:
    """Which worker of how many this one is, by TF_CONFIG; raises `ClusterError`.

    A `chief`, where the cluster has one, comes before the workers.
    """
    try:
        document = json.loads(config)
    except ValueError as error:
        raise ClusterError(f"TF_CONFIG is not JSON ({error}): {config}") from error
    match document:
        case {"cluster": {"ps": [_, *_]}}:
            raise ClusterError(
                "TF_CONFIG names parameter servers, which this training has no use for; set worker_count"
            )
        case {"cluster": {**groups}, "task": {"type": str(kind), "index": int(index)}}:
            pass
        case _:
            raise ClusterError(
                'TF_CONFIG is not of the form {"cluster": {"worker": ["HOST:PORT", …]}, '
                f'"task": {{"type": "worker", "index": 0}}}}: {config}'
            )
    members = [(group, number) for group in ("chief", "worker") for number, _ in enumerate(_addresses(groups, group))]
    if (kind, index) not in members:
        raise ClusterError(f"TF_CONFIG: its task, {kind} {index}, is none of the cluster's {len(members)} workers")
    return members.index((kind, index)), len(members)


def _addresses(groups: dict[str, Any], group: str) -> list[str]:
    addresses = groups.get(group, [])
    if not isinstance(addresses, list):
        raise ClusterError(f"TF_CONFIG: cluster.{group} is not a list of addresses, HOST:PORT: {addresses!r}")
    for address in addresses:
        host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
        if not host or not port.isdecimal():
            raise ClusterError(f"TF_CONFIG: cluster.{group}: {address!r} is not an address, HOST:PORT")
    return addresses
