"""What the doctor makes of what it sees: times, claims, roles, quotas and versions, and of checks that fail."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mlops_actions.doctor import cluster, compute, credentials, datastore, workspace
from mlops_actions.doctor.command import CHECKS
from mlops_actions.doctor.examination import examine, with_needs
from mlops_actions.doctor.findings import Check, Finding, ok, skipped, warning, wrong
from mlops_actions.doctor.surroundings import Surroundings

NOON = "Tue, 24 Nov 2026 12:00:00 GMT"
NOON_SECONDS = 1795521600.0
PROVIDER = "Microsoft.MachineLearningServices"


def check(name: str, finding: Finding | Exception | Callable[[], Finding], needs: tuple[str, ...] = ()) -> Check:
    def find(_: Surroundings) -> Finding:
        if isinstance(finding, Exception):
            raise finding
        return finding if isinstance(finding, Finding) else finding()

    return Check(name, "tools", find, needs, remedy="mend it")


def found(*checks: Check, seconds: float = 5) -> dict[str, Finding]:
    return {one.check.name: one.finding for one in examine(checks, Surroundings(), seconds)}


def test_one_that_fails_stops_only_those_that_need_it() -> None:
    seen = found(
        check("first", wrong("broken", "glue")),
        check("second", ok("fine"), needs=("first",)),
        check("third", ok("fine"), needs=("second",)),
        check("fourth", ok("fine")),
    )
    assert seen == {
        "first": wrong("broken", "glue"),
        "second": skipped("first is wrong"),
        "third": skipped("first is wrong"),
        "fourth": ok("fine"),
    }


def test_a_warning_stops_nothing_and_a_skip_hands_on_its_reason() -> None:
    seen = found(
        check("first", warning("odd", "look")),
        check("second", ok("fine"), needs=("first",)),
        check("third", skipped("nothing is named")),
        check("fourth", ok("fine"), needs=("third",)),
    )
    assert seen["second"] == ok("fine")
    assert seen["fourth"] == skipped("nothing is named")


def test_what_a_check_raises_is_a_finding() -> None:
    seen = found(check("first", ZeroDivisionError("two\nlines")), check("second", ok("fine")))
    assert seen == {"first": wrong("two lines", "mend it"), "second": ok("fine")}


def test_one_that_hangs_has_a_deadline() -> None:
    go_on = threading.Event()

    def hang() -> Finding:
        go_on.wait(60)
        return ok("late")

    began = time.monotonic()
    seen = found(check("first", hang), check("second", ok("fine")), seconds=0.2)
    assert time.monotonic() - began < 5
    go_on.set()
    assert seen == {"first": wrong("no answer within 0.2 s", "mend it"), "second": ok("fine")}


def test_an_area_comes_with_what_it_needs() -> None:
    names = [one.name for one in with_needs(CHECKS, ["compute"])]
    wanted = ["credentials", "token", "subscription", "resource-group", "workspace", "compute", "quota"]
    assert names == wanted
    assert with_needs(CHECKS, []) == list(CHECKS)


def test_every_need_is_a_check_that_comes_before() -> None:
    for number, one in enumerate(CHECKS):
        assert set(one.needs) <= {before.name for before in CHECKS[:number]}, one.name
    assert len({one.name for one in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize(
    ("ahead", "status"),
    [(0, "ok"), (59, "ok"), (-59, "ok"), (61, "warning"), (-61, "warning"), (301, "wrong"), (-301, "wrong")],
)
def test_clocks(ahead: float, status: str) -> None:
    finding = credentials.compared(NOON, NOON_SECONDS + ahead)
    assert finding.status == status
    assert f"{abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} Azure's" in finding.found


@pytest.mark.parametrize("date", ["", "noon"])
def test_an_answer_without_a_date(date: str) -> None:
    assert credentials.compared(date, NOON_SECONDS).status == "warning"


def token(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.signature"


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"upn": "ada@team.example", "appid": "az", "tid": "t"}, "user ada@team.example of tenant t"),
        ({"appid": "app", "oid": "o", "tid": "t"}, "application app of tenant t"),
        ({"azp": "app", "tid": "t"}, "application app of tenant t"),
        ({}, "somebody, of whom the token does not tell"),
    ],
)
def test_whose_a_token_is(claims: dict[str, str], told: str) -> None:
    assert credentials.whose(credentials.claims(token(claims))) == told


@pytest.mark.parametrize(
    ("claims", "assignee"),
    [
        ({"upn": "ada@team.example", "appid": "the az CLI", "oid": "ada"}, "ada"),
        ({"appid": "app", "oid": "o"}, "app"),
        ({"oid": "o"}, "o"),
        ({}, ""),
    ],
)
def test_to_whom_a_role_is_assigned(claims: dict[str, str], assignee: str) -> None:
    assert credentials.identity(claims) == assignee


@pytest.mark.parametrize("text", ["", "opaque", "a.b.c", "a.!.c", token([1])])
def test_a_token_that_tells_nothing(text: str) -> None:
    assert credentials.claims(text) == {}


def role(actions: list[str], excepted: list[str] | None = None) -> dict[str, list[str]]:
    return {"actions": actions, "notActions": excepted or []}


@pytest.mark.parametrize(
    ("roles", "operation", "allowed"),
    [
        ([role(["*"])], "workspaces/jobs/write", True),
        ([role(["*/read"])], "workspaces/jobs/write", False),
        ([role(["*/read"]), role([f"{PROVIDER}/workspaces/jobs/*"])], "workspaces/jobs/write", True),
        ([role(["*"], ["*/delete"])], "workspaces/computes/delete", False),
        # What one role excepts another may give.
        ([role(["*"], ["*/delete"]), role([f"{PROVIDER}/workspaces/computes/*"])], "workspaces/computes/delete", True),
        ([role([f"{PROVIDER.lower()}/WORKSPACES/jobs/WRITE"])], "workspaces/jobs/write", True),
        ([role([f"{PROVIDER}/workspaces/*/write"], [f"{PROVIDER}/workspaces/computes/*/write"])],
         "workspaces/computes/write", False),
        ([role([f"{PROVIDER}/workspaces.jobs/write"])], "workspaces/jobs/write", False),
        ([], "workspaces/read", False),
    ],
)  # fmt: skip
def test_roles(roles: list[dict[str, list[str]]], operation: str, *, allowed: bool) -> None:
    assert workspace.allows(roles, f"{PROVIDER}/{operation}") is allowed


def usage(name: str, used: int, limit: int) -> dict[str, Any]:
    return {"name": {"value": name}, "currentValue": used, "limit": limit}


DEDICATED = usage("Total Cluster Dedicated Regional vCPUs", 2, 24)
LOW = usage("Total Cluster Low Priority Regional vCPUs", 0, 24)
FAMILY = usage("Standard DSv2 Family Cluster Dedicated vCPUs", 2, 4)
OTHER = usage("Standard NCSv3 Family Cluster Dedicated vCPUs", 0, 0)


def test_the_limits_that_count() -> None:
    every = [DEDICATED, LOW, FAMILY, OTHER]
    assert [one for one in every if compute.counts(one, "standardDSv2Family", low_priority=False)] == [
        DEDICATED,
        FAMILY,
    ]
    assert [one for one in every if compute.counts(one, "standardDSv2Family", low_priority=True)] == [LOW]


@pytest.mark.parametrize(("cores", "status"), [(0, "ok"), (2, "ok"), (3, "wrong")])
def test_room_in_the_quota(cores: int, status: str) -> None:
    finding = compute.compared([DEDICATED, FAMILY], cores, "Standard_DS3_v2")
    assert finding.status == status
    assert ("ask for more of Standard DSv2 Family Cluster Dedicated vCPUs;" in finding.fix) is (status == "wrong")


@pytest.mark.parametrize(
    ("client", "server", "status"),
    [("34", "34", "ok"), ("34", "33+", "ok"), ("35", "34", "ok"), ("36", "34", "warning"), ("30", "34+", "warning")],
)
def test_versions_of_kubernetes(client: str, server: str, status: str) -> None:
    told = {
        "clientVersion": {"gitVersion": f"v1.{client}.0", "minor": client},
        "serverVersion": {"gitVersion": f"v1.{server}.0", "minor": server},
    }
    assert cluster.versions(told, "https://cluster.example").status == status


@pytest.mark.parametrize(
    ("answer", "opened"),
    [
        ({"secretsType": "Sas", "sasToken": "sv=1&sig=x"}, ("sv=1&sig=x", "by SAS")),
        ({"secretsType": "AccountKey", "key": "k"}, ("k", "by the account's key")),
        ({}, (None, "as the one who is signed in")),
    ],
)
def test_what_opens_a_datastore(answer: dict[str, str], opened: tuple[str | None, str]) -> None:
    assert datastore.secret_of(answer) == opened
