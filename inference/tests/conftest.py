from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

PROJECT = Path(__file__).parents[1]
LABELS = ["cats", "dogs", "pandas"]
SIZE = 16


class Service(httpx.Client):
    """A client of a service, of which it knows the process."""

    pid: int


Serve = Callable[..., contextlib.AbstractContextManager[Service]]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers by colour: the redder a photo the more cats, the greener dogs, the bluer pandas."""
    folder = tmp_path_factory.mktemp("model")
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["colour"], keepdims=0),
        helper.make_node("Mul", ["colour", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [
            numpy_helper.from_array(np.array([1, 2], dtype=np.int64), "axes"),
            numpy_helper.from_array(np.array(0.05, dtype=np.float32), "scale"),
        ],
    )
    onnx_model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(onnx_model)
    onnx.save(onnx_model, folder / "model.onnx")
    description = {"labels": LABELS, "input": {"width": SIZE, "height": SIZE}}
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def serve(model: Path) -> Serve:
    """Starts the service as a process of its own, on a free port, with these settings besides."""

    @contextlib.contextmanager
    def run(**settings: str) -> Iterator[Service]:
        environment = os.environ | {"MODEL_PATH": str(model), "PORT": "0"} | settings
        process = subprocess.Popen(
            [sys.executable, "-m", "animal_classifier"],
            cwd=PROJECT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            started = next(
                (m for m in (re.search(r"running on (http\S+)", line) for line in process.stderr) if m), None
            )
            assert started, f"the service ended with {process.wait()}"
            with Service(base_url=started[1], timeout=20, trust_env=False) as client:
                client.pid = process.pid
                yield client
        finally:
            process.terminate()
            output = process.communicate(timeout=30)[1]
        assert "Traceback" not in output

    return run


@pytest.fixture(scope="session")
def service(serve: Serve) -> Iterator[Service]:
    origin = {"GIT_COMMIT": "0123abc", "AZUREML_JOB": "animals-1", "MODEL_NAME": "animal-classification"}
    with serve(**origin, MODEL_VERSION="7") as client:
        yield client


@pytest.fixture(scope="session")
def strict(serve: Serve) -> Iterator[Service]:
    """A service with small limits."""
    with serve(MAX_BYTES="100000", MAX_PIXELS="1000000", MAX_REQUESTS="1", UPLOAD_TIMEOUT="1") as client:
        yield client
