"""Who is measured, and how each is set up."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import environments

PEERS = Path(__file__).parent / "peers"
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Contender:
    """A server: how it is started, asked whether it is ready, and set up.

    In `command` and `environment` `{port}`, `{port_2}` and `{port_3}` stand for free ports, `{bin}` for the folder of
    its environment's programs; the folder of the model is in MODEL_PATH.
    """

    key: str
    name: str
    environment: Callable[[], Path]
    command: tuple[str, ...]
    ready: str
    how: str
    packages: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Where it is started; None for an empty folder."""
    predict: str = "/predict"


def _peer(name: str) -> Callable[[], Path]:
    return lambda: environments.peer(name)


PLAIN = Contender(
    key="plain",
    name="plain API",
    environment=_peer("keras_fastapi"),
    command=(
        "{bin}/python",
        "-m",
        "uvicorn",
        "server:app",
        "--host",
        "127.0.0.1",
        "--port",
        "{port}",
        "--no-access-log",
    ),
    ready="/health",
    how="FastAPI, `async def`, Keras' `model.predict` a request, PIL open and resize; one process, uvicorn's default",
    packages=("fastapi", "uvicorn", "keras", "tensorflow-cpu"),
    variables={"PYTHONPATH": str(PEERS / "keras_fastapi")},
)
LITSERVE = Contender(
    key="litserve",
    name="LitServe",
    environment=_peer("litserve"),
    command=("{bin}/python", str(PEERS / "litserve" / "server.py")),
    ready="/health",
    how="`workers_per_device` = cores, as advised for CPUs; no batching",
    packages=("litserve",),
    variables={"PYTHONPATH": str(PEERS), "PORT": "{port}", "WORKERS": str(CORES)},
)
LITSERVE_BATCHES = replace(
    LITSERVE,
    key="litserve_batches",
    name="LitServe, batches",
    how="the same with `max_batch_size` 8 and `batch_timeout` 5 ms, which is faster in a crowd and slower without one",
    packages=(),
    variables={**LITSERVE.variables, "BATCH": "8", "BATCH_SECONDS": "0.005"},
)
BENTOML = Contender(
    key="bentoml",
    name="BentoML",
    environment=_peer("bentoml"),
    command=("{bin}/bentoml", "serve", "server:Photos", "--host", "127.0.0.1", "--port", "{port}"),
    ready="/readyz",
    how="`workers` = cores + 1, as connections are shared out unevenly among fewer; images as inputs, no access log",
    packages=("bentoml",),
    variables={
        "PYTHONPATH": f"{PEERS}:{PEERS / 'bentoml'}",
        "WORKERS": str(CORES + 1),
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": "{state}",
    },
    folder=PEERS / "bentoml",
)
MLSERVER = Contender(
    key="mlserver",
    name="MLServer",
    environment=_peer("mlserver"),
    command=("{bin}/mlserver", "start", str(PEERS / "mlserver")),
    ready="/v2/models/photos/ready",
    how="`parallel_workers` = cores, a custom runtime with a handler that takes forms; no batching",
    packages=("mlserver",),
    variables={
        "PYTHONPATH": str(PEERS),
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": "{port}",
        "MLSERVER_GRPC_PORT": "{port_2}",
        "MLSERVER_METRICS_PORT": "{port_3}",
        "MLSERVER_PARALLEL_WORKERS": str(CORES),
        "MLSERVER_DEBUG": "false",
    },
)
OURS = Contender(
    key="ours",
    name="ours",
    environment=environments.inference,
    command=("{bin}/python", "-m", "animal_classifier"),
    ready="/readyz",
    how="`python -m animal_classifier`, as its image starts it, all settings at their defaults",
    packages=("onnxruntime", "pillow", "numpy"),
    variables={"PYTHONPATH": str(environments.INFERENCE), "HOST": "127.0.0.1", "PORT": "{port}"},
)
PEER_SERVERS = (LITSERVE, LITSERVE_BATCHES, BENTOML, MLSERVER)
ALL = (PLAIN, *PEER_SERVERS, OURS)
