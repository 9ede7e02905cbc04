"""Nodes that run side by side: each line once and in its node's group, one group at a time, whoever speaks when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import pytest
from azure.core.exceptions import ServiceRequestError
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_actions.aml import node_logs
from mlops_actions.aml.job import AmlJob, Node
from mlops_actions.aml.node_logs import NodeLogs


@dataclass
class Job:
    """The nodes of a job and what they have printed; `broken` of the next reads of a log fail."""

    statuses: dict[str, str]
    printed: dict[str, list[str]] = field(default_factory=dict)
    broken: int = 0
    seen: dict[str, int] = field(default_factory=dict)

    def nodes(self) -> list[Node]:
        return [Node(name, name, status) for name, status in self.statuses.items()]

    def print(self, name: str, *lines: str) -> None:
        self.printed.setdefault(name, []).extend(lines)

    def new_log_lines(self, node: Node) -> Iterator[str]:
        if self.broken:
            self.broken -= 1
            raise ServiceRequestError("connection lost")
        lines = self.printed.get(node.run_id, [])
        yield from lines[self.seen.get(node.run_id, 0) :]
        self.seen[node.run_id] = len(lines)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(node_logs, "time", clock)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    return clock


def logs_of(job: Job) -> NodeLogs:
    return NodeLogs(cast(AmlJob, job))


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = capsys.readouterr().out.splitlines()
    return [line for line in lines if not re.match(r"::stop-commands::|::[0-9a-f]{32}::$", line)]


def test_one_that_speaks_has_one_group_for_all_it_says(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job({"a": "Running", "b": "Running"})
    logs = logs_of(job)
    job.print("a", "1")
    logs.show()
    job.print("a", "2")
    job.print("b", "x")  # has to wait
    logs.show()
    assert said(capsys) == [
        "node a: Running",
        "::group::log of node a",
        "[a] 1",
        "::endgroup::",
        "node b: Running",
        "::group::log of node a, continued",
        "[a] 2",
    ]
    logs.show()  # a is silent: it is b's turn
    job.statuses["a"] = "Completed"
    job.print("a", "3")
    job.print("b", "y")
    logs.show()
    logs.close()
    assert said(capsys) == [
        "::endgroup::",
        "::group::log of node b",
        "[b] x",
        "[b] y",
        "::endgroup::",
        "::group::log of node a, continued",
        "[a] 3",
        "::endgroup::",
        "node a: Completed",
    ]


def test_nobody_speaks_for_more_than_a_minute_while_others_wait(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job({"a": "Running", "b": "Running", "c": "Running"})
    logs = logs_of(job)
    order = []
    for _ in range(40):
        for name in job.statuses:
            job.print(name, "word")
        logs.show()
        clock.now += 10
        order += [line.removeprefix("::group::log of node ")[0] for line in said(capsys) if "::group" in line]
    assert "".join(order) == "aabcabca"


def test_a_minute_goes_on_if_nobody_else_has_anything_to_say(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job({"a": "Running", "b": "Running"})
    logs = logs_of(job)
    for _ in range(40):
        job.print("a", "word")
        logs.show()
        clock.now += 10
    lines = said(capsys)
    assert lines.count("[a] word") == 40
    assert sum("::group::" in line for line in lines) == 2  # before and after b was told to run


def test_what_cannot_be_read_is_shown_the_next_time(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job({"a": "Running"}, broken=1)
    logs = logs_of(job)
    job.print("a", "1")
    with pytest.raises(ServiceRequestError):
        logs.show()
    logs.show()
    assert said(capsys) == ["node a: Running", "::group::log of node a", "[a] 1"]


def test_the_rest_is_shown_in_the_end(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job({"a": "Running", "b": "Running"})
    logs = logs_of(job)
    job.print("a", "1")
    job.print("b", "x")
    logs.show()
    logs.show_rest()
    logs.close()
    assert [line for line in said(capsys) if line.startswith("[")] == ["[a] 1", "[b] x"]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("print"), st.sampled_from("abc"), st.integers(1, 3)),
        st.tuples(st.just("end"), st.sampled_from("abc"), st.sampled_from(["Completed", "Failed", "Canceled"])),
        st.tuples(st.just("look"), st.integers(0, 90), st.integers(0, 2)),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_each_line_once_and_in_its_nodes_group(steps: list[tuple[str, object, object]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock, shown = Clock(), []
        patch.setattr(node_logs, "time", clock)
        patch.setattr(node_logs.github, "progress", lambda text: shown.extend(text.split("\n")))
        patch.setattr(node_logs.github, "_say", shown.append)
        patch.setenv("GITHUB_ACTIONS", "true")
        job = Job(dict.fromkeys("abc", "Running"))
        logs = logs_of(job)
        for what, one, two in steps:
            if what == "print" and job.statuses[str(one)] == "Running":
                count = len(job.printed.get(str(one), []))
                job.print(str(one), *(str(count + number) for number in range(cast(int, two))))
            elif what == "end" and job.statuses[str(one)] == "Running":
                job.statuses[str(one)] = str(two)
            elif what == "look":
                clock.now += cast(int, one)
                job.broken = cast(int, two)
                with suppress(ServiceRequestError):
                    logs.show()
                job.broken = 0
        logs.show()
        logs.show_rest()
        logs.close()
    check(shown, job)


def check(shown: list[str], job: Job) -> None:
    group, told, states = None, dict[str, list[str]](), list[str]()
    for line in shown:
        if line.startswith("::group::"):
            assert group is None
            group = line.removeprefix("::group::log of node ").partition(",")[0]
        elif line == "::endgroup::":
            assert group is not None
            group = None
        elif line.startswith("["):
            name, _, text = line.removeprefix("[").partition("] ")
            assert name == group
            told.setdefault(name, []).append(text)
        elif line.startswith("node "):
            assert group is None
            states.append(line)
    assert group is None
    assert told == {name: lines for name, lines in job.printed.items() if lines}
    assert len(states) == len(set(states))
    assert {f"node {name}: {status}" for name, status in job.statuses.items()} <= set(states)
