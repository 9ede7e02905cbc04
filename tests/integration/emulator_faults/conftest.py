"""The armed faults of the session's emulator: none before and after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from azureml_emulator.faults import validation
from azureml_emulator.faults.client import Control
from tests.integration.conftest import Emulator
from tests.integration.emulator_jobs.conftest import client, submit

__all__ = ["client", "submit"]

Arm = Callable[..., None]


@pytest.fixture
def control(emulator: Emulator) -> Iterator[Control]:
    control = Control(emulator.settings)
    control.clear()
    yield control
    control.clear()


@pytest.fixture
def arm(control: Control) -> Arm:
    """Arms one rule, written as in a file."""

    def arm(fault: str, **given: object) -> None:
        control.arm([validation.read({"fault": fault, **given}, name=fault)])

    return arm


def hits(control: Control) -> dict[str, int]:
    """How often each rule has struck."""
    return {one["name"]: one["hits"] for one in control.listed()}
