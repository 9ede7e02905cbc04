from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from . import colour_model

PROJECT = Path(__file__).parents[1]


class Service(httpx.Client):
    """A client of a service, of which it knows the process."""

    pid: int


Serve = Callable[..., contextlib.AbstractContextManager[Service]]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    colour_model.write(folder)
    return folder


@pytest.fixture(scope="session")
def serve(model: Path) -> Serve:
    """Starts the service as a process of its own, on a free port, with these settings besides."""

    @contextlib.contextmanager
    def run(*, python: Path = Path(sys.executable), **settings: str) -> Iterator[Service]:
        environment = os.environ | {"MODEL_PATH": str(model), "PORT": "0"} | settings
        process = subprocess.Popen(
            [python, "-m", "animal_classifier"],
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
