"""Faults of the storage: whole tunnels to Azurite, as the SDK's uploads meet them."""

import time
import uuid
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Data
from azure.storage.blob._shared.policies import ExponentialRetry

from azureml_emulator.faults.client import Control
from tests.integration.emulator_faults.conftest import Arm, hits

STORAGE = "*.blob.core.windows.net"


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage SDK waits 15 s before it tries again."""
    monkeypatch.setattr(ExponentialRetry, "get_backoff_time", lambda *_: 0.1)


def create(ml_client: MLClient, folder: Path) -> Data:
    (folder / "new.txt").write_text(uuid.uuid4().hex)  # What was uploaded once is not uploaded again.
    name = f"data-{uuid.uuid4().hex[:8]}"
    return ml_client.data.create_or_update(Data(name=name, version="1", path=str(folder), type=AssetTypes.URI_FOLDER))


@pytest.mark.conformance("faults: connections to the storage that break, wait or are refused")
@pytest.mark.parametrize("bytes_", [0, 2000])
def test_an_upload_outlives_a_reset_connection(
    ml_client: MLClient, folder: Path, arm: Arm, control: Control, bytes_: int
) -> None:
    arm("reset", tunnel=STORAGE, after_bytes=bytes_, count=1)
    assert create(ml_client, folder).path
    assert hits(control) == {"reset": 1}


@pytest.mark.conformance("faults: connections to the storage that break, wait or are refused")
def test_an_upload_waits_for_a_slow_connection(ml_client: MLClient, folder: Path, arm: Arm, control: Control) -> None:
    arm("slow", tunnel=STORAGE, seconds=1, count=1)
    began = time.monotonic()
    assert create(ml_client, folder).path
    assert time.monotonic() - began >= 1
    assert hits(control) == {"slow": 1}


@pytest.mark.conformance("faults: connections to the storage that break, wait or are refused")
def test_an_upload_outlives_a_refused_connection(ml_client: MLClient, folder: Path, arm: Arm, control: Control) -> None:
    arm("refuse", tunnel=STORAGE, count=1)
    assert create(ml_client, folder).path
    assert hits(control) == {"refuse": 1}
