"""What docker says of a login, and what is made of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlops_actions.errors import ActionError
from mlops_actions.image.login import logged_in

DOCKER = """#!/bin/sh
cat >/dev/null
echo '{message}' >&2
exit 1
"""


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Error response from daemon: login attempt to http://r:5/v2/ failed with status: 401 Unauthorized", "refuses"),
        ("Error response from daemon: Get https://ghcr.io/v2/: denied: denied", "refuses"),
        ("unauthorized: incorrect username or password", "refuses"),
        ("Get http://127.0.0.1:54011/v2/: dial tcp 127.0.0.1:54011: connect: connection refused", "no login to"),
        ("Get https://r/v2/: dial tcp: lookup r: no such host", "no login to"),
    ],
)
def test_a_refusal_is_told_from_a_registry_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, expected: str
) -> None:
    program = tmp_path / "docker"
    program.write_text(DOCKER.format(message=message))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ActionError, match=expected), logged_in("r:5", "robot", "secret"):
        pytest.fail("the login failed, and went on")
