"""Which operation a request is, and whether a role has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from azureml_emulator.authorization import FILE, Role, operation_of, role
from azureml_emulator.errors import ServiceError

PROVIDER = "Microsoft.MachineLearningServices"
WORKSPACE = f"/subscriptions/s/resourceGroups/g/providers/{PROVIDER}/workspaces/w"


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "", "workspaces/read"),
        ("GET", "/computes", "workspaces/computes/read"),
        ("PUT", "/computes/c", "workspaces/computes/write"),
        ("PATCH", "/computes/c", "workspaces/computes/write"),
        ("DELETE", "/computes/c", "workspaces/computes/delete"),
        ("POST", "/computes/c/start", "workspaces/computes/start/action"),
        ("POST", "/jobs/j/cancel", "workspaces/jobs/cancel/action"),
        ("PUT", "/components/c/versions/1", "workspaces/components/versions/write"),
        ("POST", "/datastores/d/listSecrets", "workspaces/datastores/listSecrets/action"),
    ],
)
def test_the_operation_of_a_request(method: str, path: str, operation: str) -> None:
    assert operation_of(method, f"{WORKSPACE}{path}") == f"{PROVIDER}/{operation}"


@pytest.mark.parametrize(
    "path",
    [
        "/subscriptions/s/resourceGroups/g",
        f"{WORKSPACE}/providers/Microsoft.Authorization/permissions",
        f"/history/v1.0{WORKSPACE}/runs/r",
    ],
)
def test_what_is_no_operation_of_the_workspace(path: str) -> None:
    assert operation_of("GET", path) is None


def test_a_role_has_what_it_does_not_except() -> None:
    scientist = Role([f"{PROVIDER}/workspaces/*/write"], [f"{PROVIDER}/workspaces/computes/*/write"])
    assert scientist.has(f"{PROVIDER}/workspaces/jobs/write")
    assert scientist.has(f"{PROVIDER.lower()}/workspaces/components/versions/write")
    assert not scientist.has(f"{PROVIDER}/workspaces/jobs/read")
    assert not scientist.has(f"{PROVIDER}/workspaces/computes/write")


def test_the_file(tmp_path: Path) -> None:
    assert role(tmp_path).has("anything/at/all")
    (tmp_path / FILE).write_text("actions: ['*/read']\n")
    assert role(tmp_path).has("x/read")
    assert not role(tmp_path).has("x/write")


@pytest.mark.parametrize("content", ["- a", "allow: []", "actions: one", "actions: [1]", "{", "notActions: {a: b}"])
def test_a_file_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ServiceError, match=r"role\.yaml cannot be used"):
        role(tmp_path)
