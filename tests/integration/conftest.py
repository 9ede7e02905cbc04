"""One emulator for the whole session, and the real SDK pointed at it as users point it: by environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml._utils import _storage_utils
from azure.identity import ClientSecretCredential

from azureml_emulator import lifecycle
from azureml_emulator.settings import Settings

_CLIENT_OF_BLOBS = _storage_utils.BlobStorageClient


@pytest.fixture(autouse=True)
def sdk_as_it_comes() -> Iterator[None]:
    """Take out of the SDK again what an action has put into it, which ends with its process otherwise."""
    yield
    _storage_utils.BlobStorageClient = _CLIENT_OF_BLOBS


@dataclass(frozen=True)
class Emulator:
    """A running emulator, and the environment of a program that is to talk to it."""

    settings: Settings
    environment: dict[str, str]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    state = tmp_path_factory.mktemp("emulator")
    settings = lifecycle.up(state)
    try:
        # NO_COLOR: some of the SDK's texts are compared.
        yield Emulator(settings, {**os.environ, **lifecycle.environment(settings), "NO_COLOR": "1"})
    finally:
        lifecycle.down(state)


@pytest.fixture
def emulator_environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator's variables, set in this very process for one test."""
    for name, value in lifecycle.environment(emulator.settings).items():
        monkeypatch.setenv(name, value)
    return emulator


@pytest.fixture
def ml_client(emulator_environment: Emulator) -> MLClient:
    """The unmodified SDK's client of the emulator's workspace."""
    settings = emulator_environment.settings
    credential = ClientSecretCredential(settings.tenant_id, settings.client_id, settings.client_secret)
    return MLClient(
        credential,
        settings.subscription_id,
        settings.resource_group,
        settings.workspace,
        enable_telemetry=False,
        show_progress=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files, one of them in a folder of its own."""
    source = tmp_path / "source"
    (source / "inner").mkdir(parents=True)
    (source / "one.txt").write_text("one")
    (source / "inner" / "two.txt").write_text("two")
    return source
