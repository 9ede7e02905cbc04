"""Repositories for act to run, made for each test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from azureml_emulator import lifecycle
from sandbox.paths import ROOT
from tests.workflows.caller import Azure
from tests.workflows.repositories import MakeRepository, git, make


@pytest.fixture
def make_repository(tmp_path: Path) -> MakeRepository:
    """Make a repository of that name with those files, all of them committed, as a caller's would be."""

    def make_one(name: str, files: Mapping[str, str]) -> Path:
        return make(tmp_path / name, files)

    return make_one


@pytest.fixture(scope="session")
def library_commit() -> str:
    """The commit of this library that callers pin."""
    return git(ROOT, "rev-parse", "HEAD")


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """An emulator of these tests' own, as workflows reach it."""
    state = tmp_path_factory.mktemp("emulator")
    settings = lifecycle.up(state)
    try:
        yield Azure(lifecycle.environment(settings))
    finally:
        lifecycle.down(state)
