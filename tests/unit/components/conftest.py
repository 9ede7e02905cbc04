from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.ai.ml import load_component

from .trainings import RunComponent, data, python, trained

ROOT = Path(__file__).parents[3]
COMPONENTS = ROOT / "components"

Arguments = Callable[..., tuple[list[str], Path]]

__all__ = ["RunComponent", "data", "python", "trained"]  # fixtures among them


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The code of a component as azure-ai-ml packs it for upload, with its additional includes."""
    packed: dict[str, Path] = {}

    def pack(name: str) -> Path:
        if name not in packed:
            target = tmp_path_factory.mktemp("snapshot") / "code"
            with load_component(COMPONENTS / f"{name}.yaml")._build_code() as code:
                source = Path(code.base_path) / code.path
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            packed[name] = target
        return packed[name]

    return pack


@pytest.fixture(scope="session")
def arguments(snapshot: Callable[[str], Path]) -> Arguments:
    """The words that come after `python` in a component's command, as its YAML has it, and the folder of its code."""

    def fill(name: str, **values: object) -> tuple[list[str], Path]:
        component = load_component(COMPONENTS / f"{name}.yaml")
        filled = component.command
        defaults = {key: value.default for key, value in component.inputs.items() if value.default is not None}
        for key, value in (defaults | values).items():
            kind = "outputs" if key in component.outputs else "inputs"
            place = f"${{{{{kind}.{key}}}}}"
            assert place in filled
            filled = filled.replace(place, shlex.quote(str(value)))
        # An optional part is there if its input is.
        filled = re.sub(r"\$\[\[(.*?)\]\]", lambda part: "" if "${{" in part[1] else part[1], filled)
        assert "${{" not in filled
        words = shlex.split(filled)
        assert words[0] == "python"
        return words[1:], snapshot(name)

    return fill


@pytest.fixture(scope="session")
def run_component(arguments: Arguments) -> RunComponent:
    """Runs a component's command, as its YAML has it, in its packed code."""

    def run(
        name: str, *, python: str = sys.executable, env: dict[str, str] | None = None, **values: object
    ) -> subprocess.CompletedProcess[str]:
        words, code = arguments(name, **values)
        command = [python, *words]
        return subprocess.run(command, cwd=code, env=env, capture_output=True, text=True, timeout=300, check=False)

    return run
