"""Checks of the compute: that it is there, in what state, and that the quota has room for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_actions import definitions
from mlops_actions.compute.states import MISSING, beyond_repair, is_instance, state_of, step
from mlops_actions.doctor.findings import Check, Finding, ok, skipped, warning, wrong
from mlops_actions.doctor.surroundings import Surroundings

_NOT_GIVEN = "no compute is named: give --compute or --compute-file"
_LOCATIONS = "/subscriptions/{}/providers/Microsoft.MachineLearningServices/locations/{}"
_FORBIDDEN = 403
_DEDICATED, _LOW_PRIORITY = "Total Cluster Dedicated Regional vCPUs", "Total Cluster Low Priority Regional vCPUs"


def _compute(surroundings: Surroundings) -> Finding:
    file = surroundings.compute_file
    definition = definitions.read(file, "compute") if file else {}
    name = surroundings.compute or definition.get("name")
    if not name:
        return wrong(_NOT_GIVEN, "--compute=<name>") if "compute" in surroundings.asked else skipped(_NOT_GIVEN)
    found = surroundings.rest.get(f"computes/{name}")
    _note_size(surroundings, found, definition)
    if found is None and file is None:
        fix = "az ml compute list -o table shows those there are; with --compute-file=<YAML> ensure-compute creates it"
        return wrong(f"{name} does not exist", fix)
    return _state(name, found, file)


def _state(name: str, found: Mapping[str, Any] | None, file: Path | None) -> Finding:
    start = f"mlops ensure-compute --{f'file={file}' if file else f'name={name}'} --state=running"
    told = f"{name} is {state_of(found)}"
    asked = step(found, "running")
    if state_of(found) == MISSING:
        return ok(f"{name} does not exist yet; ensure-compute creates it from {file}")
    if beyond_repair(found):
        return wrong(f"{told}{_why(found)}, from which it does not come back", f"{start} --recreate --file=<its YAML>")
    if asked == "start":
        return warning(f"{told}: train.yml starts it; a job that is sent to it before waits", start)
    if asked == "wait":
        return warning(f"{told}: something else is done to it just now", f"{start} waits for the end of it")
    return ok(told)


def _why(compute: Mapping[str, Any] | None) -> str:
    errors = ((compute or {}).get("properties") or {}).get("provisioningErrors") or []
    messages = [str((entry.get("error") or entry).get("message") or "") for entry in errors]
    return f" ({'; '.join(message for message in messages if message)})" if any(messages) else ""


def _note_size(surroundings: Surroundings, found: Mapping[str, Any] | None, definition: Mapping[str, Any]) -> None:
    """Remember what is still to be taken out of the quota for the compute: of a cluster, for its first machine."""
    if found is None:
        surroundings.compute_size = (str(definition.get("size") or ""), 1)
        surroundings.low_priority = definition.get("tier") == "low_priority"
        return
    inner = found["properties"].get("properties") or {}
    surroundings.low_priority = inner.get("vmPriority") == "LowPriority"
    if is_instance(found):
        # A stopped instance keeps its part of the quota.
        surroundings.compute_size = (str(inner.get("vmSize") or ""), 0)
    else:
        has_nodes = int(inner.get("currentNodeCount") or 0) > 0
        surroundings.compute_size = (str(inner.get("vmSize") or ""), 0 if has_nodes else 1)


def _quota(surroundings: Surroundings) -> Finding:
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - slow to import

    size, machines = surroundings.compute_size
    if not size:
        return skipped("the compute's VM size is not known")
    try:
        return _room(surroundings, size, machines)
    except HttpResponseError as error:
        if error.status_code != _FORBIDDEN:
            raise
        return skipped("no permission to read the subscription's quota (locations/usages/read)")


def _room(surroundings: Surroundings, size: str, machines: int) -> Finding:
    base = _LOCATIONS.format(surroundings.place[0], surroundings.location)
    sizes = surroundings.rest.arm_list(f"{base}/vmSizes")
    known = next((one for one in sizes if str(one["name"]).lower() == size.lower()), None)
    if known is None:
        fix = f"az ml compute list-sizes --location {surroundings.location} -o table; change size in the compute's YAML"
        return wrong(f"{surroundings.location} has no VM size {size}", fix)
    usages = surroundings.rest.arm_list(f"{base}/usages")
    cores = int(known["vCPUs"]) * machines
    limits = [usage for usage in usages if counts(usage, str(known["family"]), low_priority=surroundings.low_priority)]
    if not limits:
        return skipped(f"{surroundings.location} tells no quota for {known['family']}")
    return compared(limits, cores, size)


def counts(usage: Mapping[str, Any], family: str, *, low_priority: bool) -> bool:
    """Whether a limit counts for machines of a family (such as standardDSv2Family): its own, or all machines'."""
    name = str((usage.get("name") or {}).get("value") or "")
    if low_priority:
        return name == _LOW_PRIORITY
    return name == _DEDICATED or _letters(family) in _letters(name.replace("Cluster Dedicated vCPUs", ""))


def _letters(text: str) -> str:
    return "".join(text.split()).casefold()


def compared(limits: Sequence[Mapping[str, Any]], cores: int, size: str) -> Finding:
    """Whether each limit has room for so many cores more (0: the compute has its part already)."""
    short = [limit for limit in limits if int(limit["limit"]) - int(limit["currentValue"]) < cores]
    told = "; ".join(
        f"{limit['name']['value']}: {limit['currentValue']} of {limit['limit']} in use" for limit in limits
    )
    if short:
        names = ", ".join(str(limit["name"]["value"]) for limit in short)
        return wrong(
            f"no room for {cores} vCPUs of {size} ({told})",
            f"portal > Quotas > Machine Learning: ask for more of {names}; or delete computes, or take a smaller size",
        )
    return ok(f"{told}; {cores} more for {size}" if cores else f"{told}; {size} has its part")


CHECKS = (
    Check("compute", "compute", _compute, needs=("workspace",), remedy="give its name, or the YAML that it is in"),
    Check("quota", "compute", _quota, needs=("compute",)),
)
