"""The page's port: each state folder has one, those that an older version made included."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from azureml_emulator import settings


def test_a_state_folder_of_an_older_version_gets_a_port_at_the_next_start(tmp_path: Path) -> None:
    made = settings.load_or_create(tmp_path)
    file = tmp_path / "settings.json"
    kept = json.loads(file.read_text())
    del kept["ports"]["page"]
    file.write_text(json.dumps(kept))
    old = settings.load(tmp_path)
    assert old == replace(made, ports=replace(made.ports, page=0))
    new = settings.load_or_create(tmp_path)
    assert len(set(asdict(new.ports).values()) - {0}) == len(asdict(new.ports))
    assert settings.load(tmp_path) == new
    assert new.signing_key == made.signing_key


def test_a_state_folder_keeps_its_port(tmp_path: Path) -> None:
    assert settings.load_or_create(tmp_path).ports == settings.load_or_create(tmp_path).ports
