"""Which jobs of a workspace's list use a compute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_actions.compute.users import Use, uses_of

COMPUTE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/Machine"


class Workspace:
    """A list of jobs in pages."""

    def __init__(self, *given: list[dict[str, Any]]) -> None:
        self.given = given
        self.asked = 0

    def pages(self, path: str, query: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
        assert (path, query) == ("jobs", {"listViewType": "All"})
        for page in self.given:
            self.asked += 1
            yield page


def job(name: str, days: float = 0, **properties: object) -> dict[str, Any]:
    created = (datetime.now(UTC) - timedelta(days=days)).isoformat().replace("+00:00", "Z")
    return {"name": name, "properties": {"status": "Running", **properties}, "systemData": {"createdAt": created}}


@pytest.mark.parametrize(
    "definition",
    [
        {"computeId": COMPUTE},
        {"computeId": "machine"},
        {"settings": {"default_compute": COMPUTE}},
        {"settings": {"default_compute": "azureml:machine"}},
        {"jobs": {"a": {"computeId": ""}, "b": {"jobs": {"c": {"computeId": COMPUTE}}}}},
    ],
)
def test_wherever_a_job_names_its_compute(definition: dict[str, object]) -> None:
    assert uses_of(Workspace([job("one", **definition)]), "machine") == [Use("one", "Running")]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "definition",
    [
        {"computeId": COMPUTE, "status": "Completed"},
        {"computeId": COMPUTE, "status": "Failed"},
        {"computeId": COMPUTE, "status": "Canceled"},
        {"computeId": f"{COMPUTE}-2"},
        {"displayName": "machine", "tags": {"name": "machine"}},
        {},
    ],
)
def test_what_is_no_use(definition: dict[str, object]) -> None:
    assert uses_of(Workspace([job("one", **definition)]), "machine") == []  # type: ignore[arg-type]


def test_a_long_list_is_read_as_far_as_jobs_live() -> None:
    recent, old = job("recent", 59, computeId=COMPUTE), job("old", 61)
    workspace = Workspace([job("new")], [recent, old], [job("never-read", 62, computeId=COMPUTE)])
    assert uses_of(workspace, "machine") == [Use("recent", "Running")]  # type: ignore[arg-type]
    assert workspace.asked == 2


def test_a_list_in_another_order_is_read_to_its_end() -> None:
    workspace = Workspace([job("old", 90), job("older", 80)], [job("new", computeId=COMPUTE)])
    assert uses_of(workspace, "machine") == [Use("new", "Running")]  # type: ignore[arg-type]
