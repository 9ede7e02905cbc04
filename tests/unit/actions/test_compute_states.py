"""What ensure-compute does about states that an emulator does not show at will."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from azure.core.exceptions import HttpResponseError

from mlops_actions import azure, ensure_compute
from mlops_actions.attended_jobs import abandoned, attending
from mlops_actions.compute import bringing
from mlops_actions.compute.states import (
    CLUSTER_STATES,
    INSTANCE_STATES,
    MISSING,
    ComputeState,
    beyond_repair,
    step,
)
from mlops_actions.errors import ActionError


class Service:
    """A compute that takes one state after the other, the last for ever; None is no compute."""

    def __init__(self, states: list[str | None], *, cluster: bool = False) -> None:
        self.states = states
        self.cluster = cluster
        self.asked: list[str] = []
        self.refusal: HttpResponseError | None = None
        self.errors: list[dict[str, Any]] = []
        self.jobs: list[list[tuple[str, str]]] = [[]]
        """Names and statuses of the jobs on it, one time after the other, the last for ever."""

    def get(self, path: str) -> dict[str, Any] | None:
        assert path == "computes/machine"
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            return None
        properties = {"provisioningState": state, "provisioningErrors": self.errors, "properties": {"state": state}}
        kind = "AmlCompute" if self.cluster else "ComputeInstance"
        return {"properties": {"computeType": kind, **properties}}

    def pages(self, path: str, query: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
        assert (path, query) == ("jobs", {"listViewType": "All"})
        jobs = self.jobs.pop(0) if len(self.jobs) > 1 else self.jobs[0]
        yield [{"name": name, "properties": {"status": status, "computeId": "machine"}} for name, status in jobs]

    def post(self, path: str) -> bool:
        if path == "jobs/mine/cancel":
            self.jobs = [[("mine", "CancelRequested")], []]
        self._ask(path)
        return True

    def delete(self, path: str) -> None:
        self._ask(f"{path}/delete")

    def _ask(self, path: str) -> None:
        self.asked.append(path.removeprefix("computes/machine/"))
        if self.refusal:
            raise self.refusal


@pytest.fixture
def ensure(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Brings the service's compute to a state; the answer is what that took."""
    monkeypatch.setattr(bringing, "_POLL_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(azure, "workspace", lambda _: azure.Workspace("s", "g", "w", None))  # type: ignore[arg-type]

    def ensure(service: Service, state: ComputeState, minutes: float = 1, **inputs: Any) -> bool:
        monkeypatch.setattr(azure, "Rest", lambda _: service)
        ensure.result = result = ensure_compute.ensure_compute(  # type: ignore[attr-defined]
            name="machine", state=state, timeout_minutes=minutes, **inputs
        )
        return result.changed

    return ensure


@pytest.mark.parametrize(
    ("states", "wanted", "asked"),
    [
        (["JobRunning"], "running", []),
        (["JobRunning", "Running", "Stopping", "Stopped"], "stopped", ["stop"]),
        (["BrandNewState", "Running"], "running", []),
        (["BrandNewState", "Running", "Stopped"], "stopped", ["stop"]),
        (["Unknown", "Deleting", None], "deleted", ["delete"]),
        (["UserSetupFailed", None], "deleted", ["delete"]),
        (["Stopping", "Stopped", "Starting", "Running"], "running", ["start"]),
        (["Starting", "Running", "Stopping", "Stopped"], "stopped", ["stop"]),
        (["SettingUp", "UserSettingUp", "Running"], "running", []),
        (["Restarting", "Resizing", "Running"], "running", []),
        (["Unknown", "Running"], "running", []),
        (["CreateFailed", "Deleting", None], "deleted", ["delete"]),
        (["Unusable", "Deleting", None], "deleted", ["delete"]),
    ],
)
def test_an_instance(ensure: Any, states: list[str | None], wanted: ComputeState, asked: list[str]) -> None:
    service = Service(states)
    assert ensure(service, wanted) is bool(asked)
    assert service.asked == asked


@pytest.mark.parametrize(
    ("states", "wanted", "asked"),
    [
        (["Creating", "Succeeded"], "running", []),
        (["Updating", "Succeeded"], "stopped", []),
        (["Failed", "Deleting", None], "deleted", ["delete"]),
        (["Canceled", None], "deleted", ["delete"]),
    ],
)
def test_a_cluster(ensure: Any, states: list[str | None], wanted: ComputeState, asked: list[str]) -> None:
    service = Service(states, cluster=True)
    assert ensure(service, wanted) is bool(asked)
    assert service.asked == asked


@pytest.mark.parametrize("wanted", ["running", "stopped"])
def test_what_goes_while_it_is_waited_for_is_missed(ensure: Any, wanted: ComputeState) -> None:
    with pytest.raises(ActionError, match="compute machine does not exist"):
        ensure(Service(["Deleting", None]), wanted)


@pytest.mark.parametrize("wanted", ["running", "stopped"])
@pytest.mark.parametrize("cluster", [False, True])
def test_a_state_that_leads_nowhere(ensure: Any, wanted: ComputeState, cluster: bool) -> None:
    service = Service(["Creating", "Failed"], cluster=cluster)
    service.errors = [{"error": {"code": "QuotaExceeded", "message": "No cores\nare left."}}]
    expected = rf"machine is Failed, from which it cannot become {wanted} \(No cores are left\.\): delete it first"
    with pytest.raises(ActionError, match=expected):
        ensure(service, wanted)
    assert service.asked == []


def refusal(status: int) -> HttpResponseError:
    error = HttpResponseError("StartComputeInstanceOnlyAllowedInStoppedState")
    error.status_code = status
    return error


def test_somebody_else_who_got_in_between(ensure: Any) -> None:
    service = Service(["Stopped", "Starting", "Running"])
    service.refusal = refusal(409)
    assert ensure(service, "running") is False


@pytest.mark.fault(
    "compute: a conflict (409) that does not end", "after `timeout-minutes` the step fails with what was refused"
)
def test_a_conflict_that_does_not_end_is_told(ensure: Any) -> None:
    service = Service(["Stopped"])
    service.refusal = refusal(409)
    expected = r"machine is Stopped and not running after 0\.0001 minutes \(the last start was refused: StartCompute"
    with pytest.raises(ActionError, match=expected):
        ensure(service, "running", 0.0001)
    assert set(service.asked) == {"start"}


def test_a_refusal(ensure: Any) -> None:
    service = Service(["Stopped"])
    service.refusal = refusal(403)
    with pytest.raises(ActionError, match="compute machine: start was refused: StartCompute"):
        ensure(service, "running")
    assert service.asked == ["start"]


# What is to be done in a state when the compute is wanted running, stopped, deleted: once more, to be seen by itself.
EVERY_ROW = {
    "instance": {
        ("create", "done", "done"): "Missing",
        ("done", "stop", "delete"): "Running JobRunning",
        ("start", "done", "delete"): "Stopped",
        ("wait", "wait", "wait"): (
            "Creating SettingUp SystemSettingUp UserSettingUp Starting Stopping Restarting Resizing Updating Deleting "
            "Succeeded SomethingNew"
        ),
        ("wait", "wait", "delete"): "Unknown",
        ("recreate", "fail", "delete"): "CreateFailed SetupFailed UserSetupFailed Failed Canceled Unusable",
    },
    "cluster": {
        ("create", "done", "done"): "Missing",
        ("done", "done", "delete"): "Succeeded Resizing",
        ("wait", "wait", "wait"): "Creating Updating Deleting SomethingNew",
        ("wait", "wait", "delete"): "Unknown",
        ("recreate", "fail", "delete"): "Failed Canceled",
    },
}
CELLS = [
    (kind, state, wanted, expected)
    for kind, rows in EVERY_ROW.items()
    for row, states in rows.items()
    for state in states.split()
    for wanted, expected in zip(get_args(ComputeState), row, strict=True)
]


def resource(kind: str, state: str) -> dict[str, Any] | None:
    """A compute in a state, as Azure has it."""
    if state == MISSING:
        return None
    if kind == "instance":
        inner: dict[str, Any] = {"state": state}
        return {"properties": {"computeType": "ComputeInstance", "provisioningState": "Succeeded", "properties": inner}}
    resizing = state == "Resizing"
    inner = {"allocationState": "Resizing" if resizing else "Steady", "scaleSettings": {"minNodeCount": 0}}
    state = "Succeeded" if resizing else state
    return {"properties": {"computeType": "AmlCompute", "provisioningState": state, "properties": inner}}


@pytest.mark.fault(
    "compute: any state that Azure knows, for each state that is wanted",
    "the step that the tables in computes-and-assets.md name",
)
@pytest.mark.parametrize(("kind", "state", "wanted", "expected"), CELLS)
def test_every_cell_of_the_tables(kind: str, state: str, wanted: ComputeState, expected: str) -> None:
    assert step(resource(kind, state), wanted) == expected
    assert beyond_repair(resource(kind, state)) is (
        expected in {"recreate", "fail"} or "Fail" in state or state in {"Canceled", "Unusable"}
    )


def test_no_state_of_the_sdk_is_forgotten() -> None:
    from azure.ai.ml._restclient.arm_ml_service import models  # noqa: PLC0415 - slow to import

    assert {state.value for state in models.ComputeInstanceState} <= INSTANCE_STATES.keys()
    assert {state.value for state in models.ProvisioningState} <= CLUSTER_STATES.keys()
    tested = {(kind, state) for kind, state, _, _ in CELLS}
    assert {("instance", state) for state in INSTANCE_STATES} <= tested
    assert {("cluster", state) for state in CLUSTER_STATES} <= tested


@pytest.mark.parametrize("wanted", ["stopped", "deleted"])
def test_what_jobs_use_is_left_to_them(ensure: Any, wanted: ComputeState) -> None:
    service = Service(["JobRunning"])
    service.jobs = [[("long-job", "Running"), ("old-job", "Completed"), ("ending", "Finalizing")]]
    assert ensure(service, wanted) is False
    assert service.asked == []
    assert ensure.result.state == "running"
    assert ensure.result.jobs == ["long-job", "ending"]


def test_jobs_do_not_matter_when_told_so(ensure: Any) -> None:
    service = Service(["JobRunning", "Stopping", "Stopped"])
    service.jobs = [[("long-job", "Running")]]
    assert ensure(service, "stopped", only_if_idle=False) is True
    assert service.asked == ["stop"]


def test_a_job_that_is_being_cancelled_is_waited_for(ensure: Any) -> None:
    """It is the caller's own, as a rule: the compute is to stop all the same."""
    service = Service(["Running", "Running", "Running", "Stopping", "Stopped"])
    service.jobs = [[("mine", "CancelRequested")], [("mine", "CancelRequested")], []]
    assert ensure(service, "stopped") is True
    assert service.asked == ["stop"]
    assert ensure.result.jobs == []


@pytest.mark.fault(
    "compute: a killed step has left a job on it when it is to be stopped", "that job is cancelled, then it is stopped"
)
def test_a_job_whose_step_was_killed_is_cancelled(ensure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    (tmp_path / "attended-jobs").mkdir()
    (tmp_path / "attended-jobs" / "mine").touch()
    service = Service(["Running", "Running", "Running", "Stopping", "Stopped"])
    service.jobs = [[("mine", "Running")]]
    assert ensure(service, "stopped") is True
    assert service.asked == ["jobs/mine/cancel", "stop"]
    assert ensure.result.state == "stopped"


def test_it_is_cancelled_also_when_others_keep_the_compute(
    ensure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    service = Service(["Running"])
    service.jobs = [[("other", "Running"), ("mine", "Running")]]
    with attending() as attend:
        attend("mine")
        assert abandoned() == ["mine"]
        assert ensure(service, "stopped") is False
    assert service.asked == ["jobs/mine/cancel"]
    assert (ensure.result.state, abandoned()) == ("running", [])


def test_a_job_that_does_not_let_go_is_told(ensure: Any) -> None:
    service = Service(["Running"])
    service.jobs = [[("mine", "CancelRequested")]]
    expected = r"is Running and not stopped after 0\.0001 minutes \(still used by job mine \(CancelRequested\)\)"
    with pytest.raises(ActionError, match=expected):
        ensure(service, "stopped", 0.0001)
    assert service.asked == []


@pytest.mark.fault("compute: a job comes in while it is being stopped", "it is started again")
def test_a_job_that_comes_in_while_it_stops_has_it_started_again(
    ensure: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    service = Service(["Running", "Stopping", "Stopped", "Stopped", "Starting", "Running"])
    service.jobs = [[], [("new", "Queued")]]
    assert ensure(service, "stopped") is True
    assert service.asked == ["stop", "start"]
    assert ensure.result.state == "running"
    assert ensure.result.jobs == ["new"]
    assert "is started again: while it stopped, job new (Queued) came in" in capsys.readouterr().err


def test_what_is_beyond_repair_is_deleted_whatever_waits_for_it(ensure: Any) -> None:
    service = Service(["CreateFailed", "Deleting", None])
    service.jobs = [[("waits", "Queued")]]
    assert ensure(service, "deleted") is True
    assert service.asked == ["delete"]


def test_without_its_yaml_nothing_is_deleted_to_be_recreated(ensure: Any) -> None:
    service = Service(["CreateFailed"])
    with pytest.raises(ActionError, match="to recreate it, give its YAML as file"):
        ensure(service, "running", recreate=True)
    assert service.asked == []


@pytest.mark.fault("compute: its state cannot be read any more", "the step fails, and names the state that it last saw")
def test_the_last_known_state_is_told_when_no_other_can_be_read(ensure: Any) -> None:
    service = Service(["Starting"])
    read = service.get

    def get(path: str) -> dict[str, Any] | None:
        if len(seen) == 2:
            raise refusal(503)
        seen.append(path)
        return read(path)

    seen: list[str] = []
    service.get = get  # type: ignore[method-assign]
    with pytest.raises(ActionError, match=r"cannot be read: .* \(it was Starting before\)"):
        ensure(service, "running")
