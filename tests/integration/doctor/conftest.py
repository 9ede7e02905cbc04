"""A doctor called as on a laptop, and the emulator that it looks at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_actions import cli
from tests.integration.conftest import Emulator
from tests.integration.emulator_faults.conftest import Arm, arm, control

__all__ = ["Arm", "arm", "control"]

SIGN_IN = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET")


class Found:
    """What a doctor found, by the checks' names."""

    def __init__(self, status: int, text: str, noise: str) -> None:
        told = json.loads(text)
        self.status = status
        self.said = text + noise
        self.checks: dict[str, dict[str, Any]] = {check["name"]: check for check in told["checks"]}
        assert told["well"] is (status == 0)

    def by_status(self, status: str) -> set[str]:
        return {name for name, check in self.checks.items() if check["status"] == status}

    def only(self, name: str, status: str) -> tuple[str, str]:
        """What the one check of this status found, and how it is to be mended."""
        assert self.by_status(status) == {name}, self.checks
        return str(self.checks[name]["found"]), str(self.checks[name]["fix"])


Examine = Callable[..., Found]


@pytest.fixture
def examine(
    emulator_environment: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> Examine:
    """Calls `mlops doctor` for areas; a laptop's home, which has no logins, is the test's own folder."""
    for name in ("GITHUB_ACTIONS", "RUNNER_DEBUG", "KUBECONFIG", "IMAGE", "K8S_NAMESPACE", "AZURE_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.chdir(tmp_path)

    def call(*areas: str, **flags: object) -> Found:
        capfd.readouterr()
        arguments = [f"--only={area}" for area in areas]
        arguments += [f"--{cli.kebab(name)}={value}" for name, value in flags.items()]
        status = cli.run(["doctor", "--json", *arguments])
        said = capfd.readouterr()
        return Found(status, said.out, said.err)

    return call


@pytest.fixture
def role(emulator: Emulator) -> Iterator[Callable[[str], None]]:
    """Takes permissions from the emulator's application for one test."""
    file = emulator.settings.state / "role.yaml"
    yield lambda content: file.write_text(content) and None
    file.unlink(missing_ok=True)


@pytest.fixture
def limits(emulator: Emulator) -> Iterator[Callable[[str], None]]:
    """Sets the emulator's quota for one test."""
    file = emulator.settings.state / "limits.yaml"
    yield lambda content: file.write_text(content) and None
    file.unlink(missing_ok=True)


@pytest.fixture
def no_sign_in(emulator_environment: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in SIGN_IN:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # where there is no az
