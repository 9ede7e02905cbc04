"""Following a job through what no emulator shows at will: a service that fails now and then, and rare states."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from typing import Any, cast

import pytest
from azure.ai.ml.operations._run_history_constants import RunHistoryConstants
from azure.core.exceptions import ServiceRequestError

from mlops_actions import azure
from mlops_actions.aml import following
from mlops_actions.aml.job import TERMINAL, AmlJob
from mlops_actions.errors import ActionError
from mlops_actions.interruption import interruptible

Answer = dict[str, Any] | Exception | None


class Service:
    """Answers, one after the other and the last for ever: a job's states, the log of its one node, its metrics."""

    def __init__(self, states: Iterable[str | Exception | None], log: bytes = b"") -> None:
        self.states = list(states)
        self.log = log
        self.node = "Running"
        self.pages: list[dict[str, Any]] = []
        self.metrics: list[dict[str, Any]] = []

    def get(self, path: str) -> dict[str, Any] | None:
        assert path == "jobs/the-job"
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        return None if state is None else {"properties": {"status": state}}

    def api(self, path: str, query: dict[str, str] | None = None) -> dict[str, Any]:
        if path.endswith("/children"):
            if self.pages:
                page = self.pages.pop(0)
                assert query == page.pop("asked")
                return page
            return {"value": [{"runId": "run-1", "status": self.node, "displayName": "node"}]}
        if path.endswith("/details"):
            return {"logFiles": {"user_logs/std_log.txt": "https://log"}}
        return {"run": {"data": {"metrics": self.metrics}}}

    def blob(self, url: str, begin: int = 0) -> bytes:
        assert url == "https://log"
        return self.log[begin:]


def job(service: Service) -> AmlJob:
    return AmlJob(cast("azure.Rest", service), "the-job")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_POLL_SECONDS", (0.0, 0.0))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def soon() -> float:
    return time.monotonic() + 10


def test_the_states_that_end_a_job_are_the_sdks() -> None:
    assert {str(status) for status in RunHistoryConstants.TERMINAL_STATUSES} == TERMINAL
    assert not {str(status) for status in RunHistoryConstants.IN_PROGRESS_STATUSES} & TERMINAL


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_every_end_is_told(end: str) -> None:
    states = ["NotStarted", "Queued", "Preparing", "Provisioning", "Starting", "Running", "Finalizing", end]
    assert following.follow(job(Service(states)), soon()) == end


@pytest.mark.fault("job: it cannot be read for a while", "the log says so; it is asked for again until the time is up")
def test_a_service_that_does_not_answer_for_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    lost = ServiceRequestError("connection lost")
    service = Service(["Running", lost, lost, "Running", "Completed"], b"one\n")
    assert following.follow(job(service), soon()) == "Completed"
    said = capsys.readouterr().out
    assert said.count("the job cannot be read for the moment: connection lost") == 2
    assert said.count("[node] one") == 1


def test_a_service_that_does_not_answer_any_more() -> None:
    service = Service([ServiceRequestError("connection lost")])
    assert following.follow(job(service), time.monotonic() + 0.05) is None


@pytest.mark.fault("job: it is deleted while it is followed", "the step fails")
def test_a_job_that_is_gone() -> None:
    with pytest.raises(ActionError, match="job the-job does not exist any more"):
        following.follow(job(Service(["Running", None])), soon())


def test_a_log_is_shown_line_by_line_and_once() -> None:
    service = Service(["Running"], b"one\ntw")
    the_job = job(service)
    (node,) = the_job.nodes()
    assert list(the_job.new_log_lines(node)) == ["one"]
    assert list(the_job.new_log_lines(node)) == []
    service.log = "one\ntwo\nthré".encode()
    assert list(the_job.new_log_lines(node)) == ["two"]
    service.node = "Completed"  # no more of the last line is to come
    (node,) = the_job.nodes()
    assert list(the_job.new_log_lines(node)) == ["thré"]
    assert the_job.log_tail(node.run_id, 2) == ["two", "thré"]


def test_a_runner_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    parents = iter([100, 100, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    with pytest.raises(KeyboardInterrupt, match="the runner ended"):
        following.follow(job(Service(["Running"])), soon())


def test_nodes_come_in_pages() -> None:
    service = Service(["Running"])
    named = {"properties": {"azureml.nodeName": "named"}}
    service.pages = [
        {"asked": {}, "value": [{"runId": "first", "status": "Completed"}], "continuationToken": "more"},
        {"asked": {"$continuationtoken": "more"}, "value": [{"runId": "second", "status": "Running", **named}]},
    ]
    assert [(node.name, node.status) for node in job(service).nodes()] == [("first", "Completed"), ("named", "Running")]


def test_nodes_in_nodes_follow_what_they_are_in() -> None:
    service = Service(["Running"])
    outer = {"runId": "1", "status": "Failed", "displayName": "outer", "properties": {"StepType": "SubGraphCloudStep"}}
    fine = {"runId": "2", "status": "Completed", "displayName": "fine"}
    broken = {"runId": "3", "status": "Failed", "displayName": "broken"}
    last = {"runId": "4", "status": "Running", "displayName": "last"}
    service.pages = [{"asked": {}, "value": [outer, last]}, {"asked": {}, "value": [fine, broken]}] * 2
    service.pages = [dict(page) for page in service.pages]
    the_job = job(service)
    assert [node.name for node in the_job.nodes()] == ["outer", "outer/fine", "outer/broken", "last"]
    assert the_job.failed_runs() == [("outer/broken", "3")]


def test_a_job_that_fails_without_a_node_is_what_failed() -> None:
    service = Service(["Failed"])
    service.node = "Completed"
    assert job(service).failed_runs() == [("", "the-job")]


@pytest.mark.fault(
    "runner: the workflow is cancelled while a job is being submitted",
    "the job is cancelled as soon as it is there, within 7.5 s",
)
def test_a_job_whose_submission_is_under_way_is_cancelled_when_it_appears() -> None:
    service, asked = Service(["Running"]), []

    def post(path: str, seconds: float | None = None) -> bool:
        asked.append((path, seconds))
        return len(asked) == 3

    service.post = post  # type: ignore[attr-defined]
    assert following.cancelled(job(service)) == "was not submitted"
    assert following.cancelled(job(service), submitting=True) == "was cancelled"
    assert asked == [("jobs/the-job/cancel", 3)] * 3


def test_metrics_that_json_has_no_number_for() -> None:
    service = Service(["Completed"])
    service.metrics = [{"key": "accuracy", "value": 0.5}, {"key": "loss", "value": "NaN"}]
    assert job(service).metrics() == {"accuracy": 0.5, "loss": None}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_block_and_the_next_does_not_disturb(number: signal.Signals) -> None:
    former = signal.getsignal(number)

    def block() -> None:
        with interruptible():
            try:
                signal.raise_signal(number)
            finally:
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match=number.name):
        block()
    assert signal.getsignal(number) is former
