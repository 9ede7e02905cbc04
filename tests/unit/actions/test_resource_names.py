"""No name of a compute, job, model or workspace leads to another resource than the one that it names."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mlops_actions import azure
from mlops_actions.aml.models import check_named, job_of
from mlops_actions.errors import ActionError
from mlops_actions.resource_names import is_job_name, plain_name
from tests.hostile_texts import HOSTILE

ELSEWHERE = [
    "..",
    ".",
    "...",
    "../jobs",
    "a/b",
    "a\\b",
    "x?api-version=1",
    "x#y",
    "%2e%2e",
    "a\nb",
    "a\0b",
    "a\udc80",
    " ",
    "x" * 256,
]


@pytest.mark.parametrize("name", ["animals", "my-machine_2", "v1.2", "a..b", "group (1)", "ünï", "10"])
def test_names(name: str) -> None:
    assert plain_name("compute", name) == name


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_leads_elsewhere(name: str) -> None:
    with pytest.raises(ActionError, match=r"^compute '.*' is not a name: it has no / ") as raised:
        plain_name("compute", name)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("text", [*ELSEWHERE, *HOSTILE.values()], ids=ascii)
def test_a_tag_that_is_no_jobs_name_names_none(text: str) -> None:
    assert job_of({"job": text}) is None or is_job_name(text)
    assert "\n" not in (job_of({"job": text}) or "")


def test_a_tag_that_is_a_jobs_name() -> None:
    assert job_of({"job": "animals-90dd603-1", "x": "y"}) == "animals-90dd603-1"
    assert job_of({}) is None


@pytest.mark.parametrize("which", ["name", "version", "job_name"])
def test_models(which: str) -> None:
    given = {"name": "animals", "version": "1", "job_name": "job", which: "../1"}
    with pytest.raises(ActionError, match=r"'\.\./1' is not a name"):
        check_named(**given)


@pytest.mark.parametrize("which", ["subscription_id", "resource_group", "workspace"])
def test_workspaces(which: str) -> None:
    given = {"subscription_id": "s", "resource_group": "g", "workspace": "w", which: "x/../y"}
    with pytest.raises(ActionError, match=r"'x/\.\./y' is not a name"):
        azure.place(azure.SignIn(**given), {})


@pytest.mark.parametrize("path", ["computes/..", "jobs/../../x", "./x"])
def test_no_request_leaves_the_workspace(path: str) -> None:
    class Credential:
        def get_token(self, *_: str, **__: Any) -> None:
            raise AssertionError("nothing is sent")

    rest = azure.Rest(azure.Workspace("s", "g", "w", cast(Any, Credential())))
    for send in (rest.get, rest.delete, rest.post):
        with pytest.raises(ActionError, match="leads out of the workspace w"):
            cast(Any, send)(path)
