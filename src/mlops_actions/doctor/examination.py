"""Does checks one by one: each on its own, with a deadline, and without those that need one that failed."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

from mlops_actions import masking
from mlops_actions.doctor.findings import Check, Examined, Finding, skipped, wrong
from mlops_actions.doctor.surroundings import Surroundings
from mlops_actions.sdk_errors import reason


def examine(checks: Iterable[Check], surroundings: Surroundings, seconds: float) -> Iterator[Examined]:
    """Each check with its finding, as soon as it is there; none takes more than `seconds`."""
    unsound: dict[str, str] = {}
    for check in checks:
        began = time.monotonic()
        if lacking := [need for need in check.needs if need in unsound]:
            finding = skipped(unsound[lacking[0]])
        else:
            finding = _in_time(check, surroundings, seconds)
        if finding.status == "wrong":
            unsound[check.name] = f"{check.name} is wrong"
        elif finding.status == "skipped":  # for the same reason as what it needs
            unsound[check.name] = finding.found
        yield Examined(check, finding, time.monotonic() - began)


def with_needs(checks: Sequence[Check], areas: Iterable[str]) -> list[Check]:
    """The checks of these areas, and those that they need, in the order of all; without areas, all."""
    by_name = {check.name: check for check in checks}
    wanted: set[str] = set()
    asked = set(areas)
    todo = [check.name for check in checks if check.area in asked or not asked]
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo.extend(by_name[name].needs)
    return [check for check in checks if check.name in wanted]


def _in_time(check: Check, surroundings: Surroundings, seconds: float) -> Finding:
    """The check's finding. One that does not end in time is left to itself: its thread ends with the process."""
    answer: queue.SimpleQueue[Finding] = queue.SimpleQueue()
    work = threading.Thread(target=lambda: answer.put(_finding(check, surroundings)), daemon=True, name=check.name)
    work.start()
    try:
        return answer.get(timeout=seconds)
    except queue.Empty:
        return wrong(f"no answer within {seconds:g} s", check.remedy)


def _finding(check: Check, surroundings: Surroundings) -> Finding:
    try:
        return check.examine(surroundings)
    except Exception as error:  # noqa: BLE001 - a check that fails must not keep the others from being done
        return wrong(masking.without_secrets(reason(error)), check.remedy)
