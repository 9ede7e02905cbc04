"""A compute on its way to a state: it is looked at, acted upon where that must be, and waited for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops_actions import attended_jobs, azure, definitions, github
from mlops_actions.compute.differences import Difference, differences, rescaled
from mlops_actions.compute.requests import ComputeRequests
from mlops_actions.compute.states import MISSING, ComputeState, Step, beyond_repair, is_instance, state_of, step
from mlops_actions.compute.users import Use
from mlops_actions.errors import ActionError

OnDifference = Literal["update", "report", "fail"]

_POLL_SECONDS = (0.5, 15.0)


@dataclass(frozen=True)
class Rules:
    """The state that is wanted, and what may be done for it."""

    wanted: ComputeState
    only_if_idle: bool
    recreate: bool
    on_difference: OnDifference


class Bringing:
    """One compute on its way to a state."""

    def __init__(
        self, workspace: azure.Workspace, name: str, rules: Rules, file: Path | None, definition: Mapping[str, Any]
    ) -> None:
        self._requests = ComputeRequests(workspace, name)
        self._name = name
        self._rules = rules
        self._file = file
        self._definition = definition
        self.wanted: ComputeState = rules.wanted
        self._last = ""
        self._refused = ""
        self._failed = ""
        self._created = self._compared = False
        self.changed = False
        self.differences: list[Difference] = []
        self.operations: list[str] = []
        self.course: list[tuple[str, float]] = []
        """The states that it was seen in, and since when, in seconds of the monotonic clock."""
        self.jobs: list[Use] = []

    def until_done(self, seconds: float) -> None:
        """Act and wait until the compute is in the wanted state."""
        deadline = time.monotonic() + seconds
        for pause in _pauses():
            if self._advance(self._look()):
                return
            if time.monotonic() + pause > deadline:
                raise self._too_late(seconds)
            time.sleep(pause)
        raise AssertionError("the pauses do not end")

    def _too_late(self, seconds: float) -> ActionError:
        told = self._refused and f"the last {self._refused}"
        if self._jobs_told():
            told = f"still used by {self._jobs_told()}"
        why = "; ".join(part for part in (told, self._failed) if part)
        text = f"compute {self._name} is {self._last} and not {self.wanted} after {seconds / 60:g} minutes"
        return ActionError(f"{text}{f' ({why})' if why else ''}")

    def _look(self) -> dict[str, Any] | None:
        compute = self._requests.get(self._last)
        current = state_of(compute)
        if current != self._last:
            self._failed = _provisioning_errors(compute or {})
            why = f" ({self._failed})" if self._failed else ""
            github.progress(f"compute {self._name}: {current}{why}")
            self.course.append((current, time.monotonic()))
        self._last = current
        return compute

    def _advance(self, compute: dict[str, Any] | None) -> bool:
        """Do what the compute's state asks for; whether that is the end of it."""
        asked = step(compute, self.wanted)
        if self._last == MISSING and self._file is None and self.wanted != "deleted":
            text = f"compute {self._name} does not exist in workspace {self._requests.workspace.name}"
            raise ActionError(f"{text}: give its YAML as file to create it" if self.wanted == "running" else text)
        if asked == "done":
            return self._finish(compute)
        if asked in ("stop", "delete") and self._rules.only_if_idle and not beyond_repair(compute):
            self.jobs = self._requests.uses()
            abandoned = attended_jobs.abandoned()
            busy = [use for use in self.jobs if not use.ending]
            for use in busy:
                if use.job in abandoned:
                    # What a step of this runner's job was killed before it could do: nobody would follow its job.
                    self._requests.cancel(use)
                    text = f"job {use.job} is cancelled: its step was killed before it could do so"
                    github.annotate("notice", text)
            if [use for use in busy if use.job not in abandoned]:
                self._keep()
                return True
            if self.jobs or self._last == "JobRunning":
                return False
        if asked in ("recreate", "fail"):
            self._check_recreation(compute, asked)
            asked = "delete"
        if asked != "wait":
            self._act(asked)
        return False

    def _finish(self, compute: dict[str, Any] | None) -> bool:
        """See to what may be left to do in the wanted state; whether there is nothing."""
        if self.wanted == "stopped" and compute is not None and not is_instance(compute):
            _check_scales_to_zero(self._name, compute)
        if self.wanted == "running" and compute is not None and not self._compared:
            return not self._compare(compute)
        if self.wanted == "stopped" and self.changed and self._rules.only_if_idle:
            # A job may have come in after the jobs were looked at, while the compute was stopping.
            self.jobs = [use for use in self._requests.uses() if not use.ending]
            if self.jobs:
                text = f"compute {self._name} is started again: while it stopped, {self._jobs_told()} came in"
                github.annotate("notice", text)
                self.wanted = "running"
                return False
        return True

    def _keep(self) -> None:
        """Leave the compute to those who use it."""
        text = f"compute {self._name} is not {self.wanted}: it is used by {self._jobs_told()}"
        github.annotate("notice", f"{text}; with only-if-idle: false it would be all the same")
        self.wanted = "stopped" if self._last == "Stopped" else "running"

    def _jobs_told(self) -> str:
        return ", ".join(f"job {use.job} ({use.status})" for use in self.jobs)

    def _compare(self, compute: dict[str, Any]) -> bool:
        """Tell how the compute differs from its YAML; whether it is being changed for that."""
        instance = is_instance(compute)
        found = differences(self._definition, compute, instance=instance)
        self.differences = found
        if not found:
            self._compared = True
            return False
        if self._rules.on_difference == "fail":
            told = "; ".join(map(str, found))
            line = self._line(found[0])
            raise ActionError(
                f"compute {self._name} differs from {self._file}: {told}", file=str(self._file), line=line
            )
        change = self._rules.on_difference == "update" and not instance
        for difference in found:
            self._tell(difference, changed=change and difference.scales)
        if not (change and any(difference.scales for difference in found)):
            self._compared = True
            return False
        self._compared = self._act("update", rescaled(self._definition, compute))
        return True

    def _tell(self, difference: Difference, *, changed: bool) -> None:
        text = f"compute {self._name} differs from its YAML: {difference}"
        level: github.Level = "notice" if changed else "warning"
        told = f"{text}; it is updated" if changed else text
        github.annotate(level, told, file=str(self._file), line=self._line(difference))

    def _line(self, difference: Difference) -> int | None:
        return definitions.line_of(self._file, difference.field) if self._file else None

    def _check_recreation(self, compute: dict[str, Any] | None, asked: Step) -> None:
        """Raise ActionError unless the compute may be deleted and created anew."""
        text = f"compute {self._name} is {self._last}, from which it cannot become {self.wanted}"
        why = _provisioning_errors(compute or {})
        text += f" ({why})" if why else ""
        if asked == "fail":
            raise ActionError(f"{text}: delete it first (state: deleted)")
        if not self._rules.recreate:
            raise ActionError(f"{text}: delete it first (state: deleted), or set recreate: true")
        if self._file is None:
            raise ActionError(f"{text}: to recreate it, give its YAML as file")
        if self._created:
            raise ActionError(f"{text}: so it came out of being created")

    def _act(self, operation: str, body: Mapping[str, Any] | None = None) -> bool:
        """Begin an operation; whether it was accepted. Somebody else's may be in flight: that is waited for."""
        if operation == "create":
            if self._file is None:
                raise AssertionError("_advance creates from a file alone")
            # What is created has no differences from its YAML.
            self._created = self._compared = True
            refused = self._requests.create(self._file)
        else:
            refused = self._requests.begin(operation, body)
        if refused:
            # Somebody else got in between: the next look tells what became of it.
            self._refused = refused
            return False
        self.changed = True
        self.operations.append(operation)
        return True


def _pauses() -> Iterator[float]:
    pause, longest = _POLL_SECONDS
    while True:
        yield pause
        pause = min(pause * 1.5, longest)


def _provisioning_errors(compute: dict[str, Any]) -> str:
    """Why a compute could not be made, in one line, as far as it says so."""
    found = (compute.get("properties") or {}).get("provisioningErrors") or []
    messages = [str((entry.get("error") or entry).get("message") or "") for entry in found]
    return " ".join("; ".join(message for message in messages if message).split())


def _check_scales_to_zero(name: str, compute: dict[str, Any]) -> None:
    scale = (compute["properties"].get("properties") or {}).get("scaleSettings") or {}
    if nodes := scale.get("minNodeCount", 0):
        raise ActionError(f"cluster {name} keeps {nodes} nodes running: set min_instances: 0, then it stops by itself")
