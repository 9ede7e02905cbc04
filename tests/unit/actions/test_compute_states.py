"""What ensure-compute does about states that an emulator does not show at will."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from mlops_actions import azure, ensure_compute
from mlops_actions.ensure_compute import ComputeState
from mlops_actions.errors import ActionError


class Service:
    """A compute that takes one state after the other, the last for ever; None is no compute."""

    def __init__(self, states: list[str | None], *, cluster: bool = False) -> None:
        self.states = states
        self.cluster = cluster
        self.asked: list[str] = []
        self.refusal: HttpResponseError | None = None
        self.errors: list[dict[str, Any]] = []

    def get(self, path: str) -> dict[str, Any] | None:
        assert path == "computes/machine"
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            return None
        properties = {"provisioningState": state, "provisioningErrors": self.errors, "properties": {"state": state}}
        kind = "AmlCompute" if self.cluster else "ComputeInstance"
        return {"properties": {"computeType": kind, **properties}}

    def post(self, path: str) -> bool:
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
    monkeypatch.setattr(ensure_compute, "_POLL_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(azure, "workspace", lambda _: azure.Workspace("s", "g", "w", None))  # type: ignore[arg-type]

    def ensure(service: Service, state: ComputeState, minutes: float = 1) -> bool:
        monkeypatch.setattr(azure, "Rest", lambda _: service)
        result = ensure_compute.ensure_compute(name="machine", state=state, timeout_minutes=minutes)
        return result.changed

    return ensure


@pytest.mark.parametrize(
    ("states", "wanted", "asked"),
    [
        (["JobRunning"], "running", []),
        (["JobRunning", "Stopping", "Stopped"], "stopped", ["stop"]),
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
