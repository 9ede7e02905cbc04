from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from animal_classifier.app import create_app
from animal_classifier.model import Classifier, Probabilities
from animal_classifier.settings import Settings
from PIL import Image

from .conftest import PROJECT, Serve
from .pictures import encode, plain


def test_health_and_readiness(service: httpx.Client) -> None:
    assert service.get("/healthz").json() == {"status": "ok"}
    assert service.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/version/", "/predict/", "/v2/health/live/"])
def test_a_slash_too_many_leads_nowhere(service: httpx.Client, path: str) -> None:
    answer = service.get(path, headers={"Host": "elsewhere.example"})
    assert (answer.status_code, answer.headers.get("Location")) == (404, None)


def test_version(service: httpx.Client) -> None:
    assert service.get("/version").json() == {
        "commit": "0123abc",
        "job": "animals-1",
        "model_name": "animal-classification",
        "model_version": "7",
    }


def test_probes_are_answered_during_a_prediction_and_one_that_hangs_is_told(model: Path) -> None:
    begun, release = threading.Event(), threading.Event()

    class Hanging(Classifier):
        def classify(self, pixels: npt.NDArray[np.float32]) -> Probabilities:
            if pixels.any():
                begun.set()
                release.wait(20)
            return super().classify(pixels)

    app = create_app(Settings(stuck_after=0.05), Hanging(model))

    async def check() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            running = asyncio.create_task(client.post("/predict", content=encode(plain("cats"), "PNG")))
            await asyncio.to_thread(begun.wait, 20)
            assert (await client.get("/healthz")).status_code == 200
            async with asyncio.timeout(20):
                while (response := await client.get("/readyz")).status_code == 200:
                    pass
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "stuck"
            release.set()
            assert (await running).json()["label"] == "cats"
            async with asyncio.timeout(20):
                while (await client.get("/readyz")).status_code != 200:
                    pass

    try:
        asyncio.run(check())
    finally:
        release.set()
        app.service.pool.close()


def test_metrics(service: httpx.Client) -> None:
    before = figures(service)
    service.post("/predict", content=encode(plain("dogs"), "PNG"))
    service.post("/predict", content=b"nonsense")
    service.get("/made/up")
    after = figures(service)

    def rise(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert rise('predictions_total{label="dogs"}') == 1
    assert rise('prediction_errors_total{code="unsupported_format"}') == 1
    assert rise("prediction_seconds_count") == 2
    assert rise('http_request_seconds_count{method="POST",path="/predict",status="200"}') == 1
    assert rise('http_request_seconds_count{method="POST",path="/predict",status="415"}') == 1
    assert rise('http_request_seconds_count{method="GET",path="other",status="404"}') == 1
    assert after["predictions_in_flight"] == 0
    assert after["process_resident_memory_bytes"] > 0
    version = 'commit="0123abc",job="animals-1",model_name="animal-classification",model_version="7"'
    assert after[f"animal_classifier_info{{{version}}}"] == 1


def figures(client: httpx.Client) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_the_worst_photos_at_once_stay_within_the_memory_that_the_deployment_grants(serve: Serve) -> None:
    costly = encode(Image.new("RGBA", (4000, 4000), (1, 2, 3, 99)), "WEBP", lossless=True, quality=0, method=0)
    padded = costly + bytes(10 * 2**20 - len(costly))
    with serve() as client, ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: client.post("/predict", content=padded).status_code, range(16)))
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{client.pid}/status").read_text(encoding="ascii"))
    assert answers == [200] * 16
    assert peak
    assert int(peak[1]) < 512 * 1024, "k8s/base/deployment.yaml grants 512 MiB"


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_need_nothing_from_elsewhere(service: httpx.Client, path: str) -> None:
    page = service.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    fetched = [asset for asset in assets if not asset.startswith("data:")]
    assert len(fetched) >= 2
    for asset in fetched:
        assert "://" not in asset
        assert not asset.startswith("//")
        assert service.get(asset if asset.startswith("/") else f"/{asset}").status_code == 200, asset


def test_the_runtime_reports_nothing_to_its_maker(serve: Serve, tmp_path: Path) -> None:
    """ONNX Runtime, unless told not to, makes itself an id and a database of events to send."""
    with serve(HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache")) as client:
        assert client.post("/predict", content=encode(plain("cats"), "PNG")).status_code == 200
    assert not list(tmp_path.iterdir())


def test_the_interface_is_described(service: httpx.Client) -> None:
    predict = service.get("/openapi.json").json()["paths"]["/predict"]["post"]
    assert set(predict["requestBody"]["content"]) > {"multipart/form-data", "image/jpeg"}
    assert {"200", "413", "415", "422", "503"} <= set(predict["responses"])


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "animal_classifier"]
    environment = os.environ | settings
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_without_a_usable_model_it_does_not_start(model: Path, tmp_path: Path) -> None:
    def fails(**settings: str) -> str:
        ended = start(MODEL_PATH=str(tmp_path), **settings)
        assert ended.returncode == 1
        lines = ended.stderr.strip().splitlines()
        assert len(lines) == 1, ended.stderr
        assert lines[0].startswith("animal-classifier: ")
        return lines[0]

    assert "model.json can't be read: No such file" in fails()
    (tmp_path / "model.json").write_text("{}", encoding="utf-8")
    assert "must hold labels" in fails()
    shutil.copy(model / "model.json", tmp_path)
    assert "model.onnx can't be loaded" in fails()
    (tmp_path / "model.onnx").write_bytes(b"nonsense")
    assert "model.onnx can't be loaded" in fails()
    shutil.copy(model / "model.onnx", tmp_path)
    assert "MAX_BYTES=-1" in fails(MAX_BYTES="-1")
    for change, message in (
        ({"labels": ["cats"]}, "model.json has 1 labels"),
        ({"input": {"width": 32, "height": 16}}, "does not take the 32 x 16 RGB images"),
    ):
        description = json.loads((model / "model.json").read_text(encoding="utf-8")) | change
        (tmp_path / "model.json").write_text(json.dumps(description), encoding="utf-8")
        assert message in fails()
