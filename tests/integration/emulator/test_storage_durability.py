"""Blobs that were acknowledged outlive a kill of everything: Azurite by itself would forget the last five seconds."""

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import ContainerClient

from azureml_emulator import azurite, lifecycle, processes
from azureml_emulator.blobs import Blobs
from azureml_emulator.settings import Settings, load_or_create
from azureml_emulator.tls import certify

KILLS = 4


def storage(state: Path) -> Settings:
    """Start Azurite alone, at once."""
    settings = load_or_create(state)
    certify(settings.certificates)
    azurite.start(settings)
    return settings


def kill(settings: Settings) -> None:
    pid = processes.running(settings.state / "pid" / "azurite")
    assert pid
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while processes.began_at(pid) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def write(container: ContainerClient, blobs: dict[str, bytes | None], names: Iterator[int]) -> None:
    """Put, change and delete blobs until the storage is gone; note each when it is acknowledged (None: not yet)."""
    try:
        while True:
            name, text = f"blob-{next(names)}", os.urandom(300)
            blobs.setdefault(name, None)
            container.upload_blob(name, text)
            blobs[name] = text
            if name.endswith("3"):
                blobs[name] = None
                container.upload_blob(name, text[:100], overwrite=True)
                blobs[name] = text[:100]
            if name.endswith("7"):
                blobs[name] = None
                container.delete_blob(name)
                blobs.pop(name)
    except AzureError:
        return


@pytest.mark.conformance("trust: nothing acknowledged is lost by kill -9")
def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    chance = random.Random(4)  # noqa: S311
    blobs: dict[str, bytes | None] = {}
    logged, names = 0, itertools.count()
    settings = storage(tmp_path)
    try:
        for _ in range(KILLS):
            container = ContainerClient(
                f"https://127.0.0.1:{settings.ports.blob}/{settings.storage_account}",
                "kept",
                credential={"account_name": settings.storage_account, "account_key": settings.storage_key},
                connection_verify=str(settings.certificates / "ca.pem"),
                api_version="2025-05-05",
                retry_total=0,
            )
            Blobs(settings).container("kept")
            log = container.get_blob_client("log")
            if not log.exists():
                log.create_append_blob()
            writer = threading.Thread(target=write, args=(container, blobs, names))
            writer.start()
            for _ in range(chance.randint(5, 40)):
                log.append_block(b"line\n")
                logged += 1
            kill(settings)
            writer.join(20)
            settings = storage(tmp_path)
            check(settings, blobs, logged)
        journals = [file.name for file in (tmp_path / "azurite").iterdir() if ".journal." in file.name]
        assert len(journals) <= 4, "what was brought into the file is removed"
    finally:
        lifecycle.down(tmp_path)


def check(settings: Settings, blobs: dict[str, bytes | None], logged: int) -> None:
    container = Blobs(settings).container("kept")
    there = set(container.list_blob_names())
    assert len(blobs) > 5
    for name, text in blobs.items():
        if text is not None:
            assert name in there
            assert container.download_blob(name).readall() == text
    assert there - blobs.keys() == {"log"}, "what was deleted stays so"
    assert container.download_blob("log").readall() == b"line\n" * logged
