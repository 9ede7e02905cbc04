"""Brings a compute instance or cluster to a state: looks first, acts only where it must, waits until it is there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops_actions import attended_jobs, azure, definitions, github
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.compute.differences import Difference, differences, rescaled
from mlops_actions.compute.states import MISSING, ComputeState, Step, beyond_repair, is_instance, state_of, step
from mlops_actions.compute.users import Use, uses_of
from mlops_actions.errors import ActionError
from mlops_actions.github import summarize, table_cell
from mlops_actions.resource_names import plain_name
from mlops_actions.sdk_errors import in_definition, reason

OnDifference = Literal["update", "report", "fail"]

_SUMMARY = Path(__file__).parents[2] / "actions" / "ensure-compute" / "summary.md"
_CONFLICT = 409
_POLL_SECONDS = (0.5, 15.0)


@dataclass(frozen=True)
class EnsuredCompute:
    """The compute and the state that it is in, and what was done and found on the way there.

    `differences` has an object for each field that differs from the YAML (`field`, `yaml`, `existing`); `jobs` names
    those for which the compute was left as it is, or started again.
    """

    name: str
    state: ComputeState
    changed: bool
    differences: list[dict[str, object]]
    jobs: list[str]


def ensure_compute(
    *,
    file: Path | None = None,
    name: str | None = None,
    state: ComputeState = "running",
    timeout_minutes: float = 20,
    only_if_idle: bool = True,
    recreate: bool = False,
    on_difference: OnDifference = "update",
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> EnsuredCompute:
    """Bring a compute instance or cluster to a state, creating it from its YAML if it is missing.

    Args:
        file: YAML of the compute, to create it from if it is missing
        name: name of the compute, if there is no file or another name is wanted
        state: state to bring it to, one of running, stopped, deleted; a cluster that exists counts as running
        timeout_minutes: how long that may take
        only_if_idle: stop or delete it only when no job uses it; else leave it as it is, and say which jobs do
        recreate: delete a compute that is beyond repair, such as one that is CreateFailed, and create it anew
        on_difference: what follows from a difference from the YAML, one of update (a cluster is rescaled), report, fail
        sign_in: where the workspace is and how to sign in

    """
    if timeout_minutes <= 0:
        raise ActionError("timeout-minutes must be more than 0")
    definition = definitions.read(file, "compute") if file else {}
    name = name or definition.get("name")
    if not name:
        missing = f"{file} has no name" if file else "neither file nor name is given"
        raise ActionError(f"{missing}: say which compute is meant", file=str(file) if file else None)
    plain_name("compute", str(name))
    workspace = azure.workspace(sign_in)
    rules = _Rules(state, only_if_idle, recreate, on_difference)
    bringing = _Bringing(workspace, name, rules, file, definition)
    first = bringing.until_done(timeout_minutes * 60)
    result = bringing.result()
    said = "done" if result.changed else "nothing had to be done"
    if bringing.jobs:
        said += f"; used by {', '.join(result.jobs)}"
    print(f"compute {name} is {result.state}: {said}", flush=True)  # noqa: T201 - progress is this command's output
    cells = {"name": table_cell(name), "before": table_cell(first), "state": result.state, "said": table_cell(said)}
    summarize(_SUMMARY, cells)
    return result


@dataclass(frozen=True)
class _Rules:
    """The state that is wanted, and what may be done for it."""

    wanted: ComputeState
    only_if_idle: bool
    recreate: bool
    on_difference: OnDifference


class _Bringing:
    """One compute on its way to a state."""

    def __init__(
        self, workspace: azure.Workspace, name: str, rules: _Rules, file: Path | None, definition: Mapping[str, Any]
    ) -> None:
        self._workspace = workspace
        self._rest = azure.Rest(workspace)
        self._name = name
        self._rules = rules
        self._file = file
        self._definition = definition
        self._wanted: ComputeState = rules.wanted
        self._last = ""
        self._refused = ""
        self._failed = ""
        self._created = self._compared = False
        self.changed = False
        self.differences: list[Difference] = []
        self.jobs: list[Use] = []

    def result(self) -> EnsuredCompute:
        """The outputs, once the compute is where it is to be."""
        found = [difference.as_output() for difference in self.differences]
        return EnsuredCompute(self._name, self._wanted, self.changed, found, [use.job for use in self.jobs])

    def until_done(self, seconds: float) -> str:
        """Act and wait until the compute is in the wanted state; the answer is the state it was found in."""
        deadline = time.monotonic() + seconds
        first = ""
        for pause in _pauses():
            compute = self._look()
            first = first or self._last
            if self._advance(compute):
                return first
            if time.monotonic() + pause > deadline:
                raise self._too_late(seconds)
            time.sleep(pause)
        raise AssertionError("the pauses do not end")

    def _too_late(self, seconds: float) -> ActionError:
        told = self._refused and f"the last {self._refused}"
        if self._jobs_told():
            told = f"still used by {self._jobs_told()}"
        why = "; ".join(part for part in (told, self._failed) if part)
        text = f"compute {self._name} is {self._last} and not {self._wanted} after {seconds / 60:g} minutes"
        return ActionError(f"{text}{f' ({why})' if why else ''}")

    def _look(self) -> dict[str, Any] | None:
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

        try:
            compute = self._rest.get(f"computes/{self._name}")
        except AzureError as error:
            known = f" (it was {self._last} before)" if self._last else ""
            text = f"the state of compute {self._name} cannot be read: {reason(error)}{known}"
            raise ActionError(text) from error
        current = state_of(compute)
        if current != self._last:
            self._failed = _provisioning_errors(compute or {})
            why = f" ({self._failed})" if self._failed else ""
            print(f"compute {self._name}: {current}{why}", flush=True)  # noqa: T201
        self._last = current
        return compute

    def _advance(self, compute: dict[str, Any] | None) -> bool:
        """Do what the compute's state asks for; whether that is the end of it."""
        asked = step(compute, self._wanted)
        if self._last == MISSING and self._file is None and self._wanted != "deleted":
            text = f"compute {self._name} does not exist in workspace {self._workspace.name}"
            raise ActionError(f"{text}: give its YAML as file to create it" if self._wanted == "running" else text)
        if asked == "done":
            return self._finish(compute)
        if asked in ("stop", "delete") and self._rules.only_if_idle and not beyond_repair(compute):
            self.jobs = self._uses()
            abandoned = attended_jobs.abandoned()
            busy = [use for use in self.jobs if not use.ending]
            for use in busy:
                if use.job in abandoned:
                    self._cancel(use)
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
        if self._wanted == "stopped" and compute is not None and not is_instance(compute):
            _check_scales_to_zero(self._name, compute)
        if self._wanted == "running" and compute is not None and not self._compared:
            return not self._compare(compute)
        if self._wanted == "stopped" and self.changed and self._rules.only_if_idle:
            # A job may have come in after the jobs were looked at, while the compute was stopping.
            self.jobs = [use for use in self._uses() if not use.ending]
            if self.jobs:
                text = f"compute {self._name} is started again: while it stopped, {self._jobs_told()} came in"
                github.annotate("notice", text)
                self._wanted = "running"
                return False
        return True

    def _cancel(self, use: Use) -> None:
        """Do what a step of this runner's job was killed before it could: end its job, which nobody would follow."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

        try:
            self._rest.post(f"jobs/{use.job}/cancel")
        except AzureError as error:
            raise ActionError(f"job {use.job}, whose step was killed, cannot be cancelled: {reason(error)}") from error
        github.annotate("notice", f"job {use.job} is cancelled: its step was killed before it could do so")

    def _keep(self) -> None:
        """Leave the compute to those who use it."""
        text = f"compute {self._name} is not {self._wanted}: it is used by {self._jobs_told()}"
        github.annotate("notice", f"{text}; with only-if-idle: false it would be all the same")
        self._wanted = "stopped" if self._last == "Stopped" else "running"

    def _jobs_told(self) -> str:
        return ", ".join(f"job {use.job} ({use.status})" for use in self.jobs)

    def _uses(self) -> list[Use]:
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

        try:
            return uses_of(self._rest, self._name)
        except AzureError as error:
            text = f"the jobs on compute {self._name} cannot be listed: {reason(error)}"
            raise ActionError(f"{text} (only-if-idle: false does without)") from error

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
        text = f"compute {self._name} is {self._last}, from which it cannot become {self._wanted}"
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

    def _act(self, asked: str, body: Mapping[str, Any] | None = None) -> bool:
        """Begin an operation; whether it was accepted. Somebody else's may be in flight: that is waited for."""
        from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415 - slow to import

        try:
            self._begin(asked, body)
        except HttpResponseError as error:
            refused = f"{asked} was refused: {reason(error)}"
            if error.status_code != _CONFLICT:
                raise ActionError(f"compute {self._name}: {refused}") from error
            # Somebody else got in between: the next look tells what became of it.
            self._refused = refused
            return False
        except AzureError as error:
            raise ActionError(f"compute {self._name}: {asked} failed: {reason(error)}") from error
        self.changed = True
        return True

    def _begin(self, asked: str, body: Mapping[str, Any] | None) -> None:
        if asked == "create":
            self._create()
        elif asked == "delete":
            self._rest.delete(f"computes/{self._name}")
        elif asked == "update":
            self._rest.patch(f"computes/{self._name}", body or {})
        else:
            self._rest.post(f"computes/{self._name}/{asked}")

    def _create(self) -> None:
        from azure.ai.ml import load_compute  # noqa: PLC0415 - slow to import
        from azure.ai.ml.exceptions import MlException  # noqa: PLC0415
        from marshmallow import ValidationError  # noqa: PLC0415

        if self._file is None:
            raise AssertionError("_advance creates from a file alone")
        # What is created has no differences from its YAML.
        self._created = self._compared = True
        try:
            compute = load_compute(str(self._file), params_override=[{"name": self._name}])
            azure.ml_client(self._workspace).compute.begin_create_or_update(compute)
        except (MlException, ValidationError) as error:
            raise in_definition(error, self._file, "is not a compute definition") from error


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
