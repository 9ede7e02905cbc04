"""Quota: how many computes and virtual CPUs there may be at once, by `limits.yaml` in the state folder.

The file is read whenever it counts, so that a change needs no restart. All of it is optional:

    computes: 200              # clusters and instances
    dedicated_cores: 300       # virtual CPUs of machines that run, all families together
    low_priority_cores: 300
    families:                  # of one family of sizes; by default as many as all together
      standardNCSv3Family: 0

The names and the way of counting are Azure's: https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..errors import ServiceError, bad_request
from . import vm_sizes

FILE = "limits.yaml"
_RAISE = (
    "Talk to your Subscription Admin or refer to "
    "https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas "
    f"to increase the quota; for this emulator it is set in {FILE} in its state folder."
)


@dataclass(frozen=True)
class Limits:
    """The most that there may be; Azure's defaults depend on the kind of subscription, and are 24 to 300 cores."""

    computes: int = 200
    dedicated_cores: int = 300
    low_priority_cores: int = 300
    families: Mapping[str, int] = field(default_factory=dict)

    def family(self, name: str) -> int:
        """The most cores of a family of sizes."""
        return next((n for key, n in self.families.items() if key.lower() == name.lower()), self.dedicated_cores)


def limits(state: Path) -> Limits:
    """The limits of the emulator in this state folder. Raises ServiceError (500) if their file is no such file."""
    try:
        given = yaml.safe_load((state / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return Limits()
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _unusable(str(error)) from error
    if given is None:
        return Limits()
    if not isinstance(given, dict) or not given.keys() <= Limits.__dataclass_fields__.keys():
        raise _unusable(f"it may have {', '.join(Limits.__dataclass_fields__)}")
    given = {name: value for name, value in given.items() if value is not None}
    families = given.get("families", {})
    if not isinstance(families, dict):
        raise _unusable("families is to be a mapping")
    for name, number in {**given, **families}.items():
        if name != "families" and not (isinstance(number, int) and number >= 0):
            raise _unusable(f"{name} is {number!r}, not a whole number from 0 on")
    return Limits(**given)


def _unusable(why: str) -> ServiceError:
    return ServiceError(500, "InternalServerError", f"the emulator's {FILE} cannot be used: {' '.join(why.split())}")


@dataclass(frozen=True)
class Use:
    """What one compute takes: `nodes` machines of a size."""

    size: vm_sizes.Size
    nodes: int
    low_priority: bool = False

    @property
    def cores(self) -> int:
        """Virtual CPUs."""
        return self.size.cpus * self.nodes


def of(compute: Mapping[str, Any]) -> Use | None:
    """What a compute takes now: nothing for a cluster without nodes, or an instance that gives it back when stopped."""
    inner = compute["properties"]["properties"]
    size = vm_sizes.find(str(inner.get("vmSize")))
    if size is None:
        return None
    if compute["properties"]["computeType"] != "AmlCompute":
        released = inner.get("state") == "Stopped" and inner.get("releaseQuotaOnStop") is True
        return Use(size, 0 if released else 1)
    nodes = int(inner["scaleSettings"]["minNodeCount"])
    return Use(size, nodes, low_priority=inner.get("vmPriority") == "LowPriority")


def check(state: Path, others: Iterable[Mapping[str, Any]], wanted: Use) -> None:
    """Raise ServiceError (400) if there is no room for `wanted` (of a cluster: for one node) beside the others."""
    most = limits(state)
    computes = list(others)
    if len(computes) >= most.computes:
        raise bad_request(
            f"Operation results in exceeding quota limits of Total Clusters. Maximum allowed: {most.computes}, "
            f"current in use: {len(computes)}, additional requested: 1. {_RAISE}",
            "BadRequest",
        )
    asked = Use(wanted.size, max(wanted.nodes, 1), wanted.low_priority)
    used = [use for compute in computes if (use := of(compute))]
    for told, limit, taken in _against(most, used, asked):
        if taken + asked.cores > limit:
            raise bad_request(
                f"The specified subscription has a {told} vCPU quota of {limit}, {taken} of which are in use, and "
                f"cannot accommodate for at least {asked.nodes} requested managed compute node(s) which maps to "
                f"{asked.cores} vCPUs. {_RAISE}",
                "BadRequest",
            )


def _against(most: Limits, used: list[Use], asked: Use) -> list[tuple[str, int, int]]:
    """The limits that count for `asked`: what they are called, the limit, and what is taken of it."""
    alike = [use for use in used if use.low_priority == asked.low_priority]
    total = sum(use.cores for use in alike)
    if asked.low_priority:
        return [("total low priority", most.low_priority_cores, total)]
    family = asked.size.family
    taken = sum(use.cores for use in alike if use.size.family == family)
    return [("total", most.dedicated_cores, total), (family_name(family), most.family(family), taken)]


def family_name(family: str) -> str:
    """A family as a person is told of it: standardDSv2Family is Standard DSv2 Family."""
    return re.sub(r"^[Ss]tandard ?(.*?) ?Family$", r"Standard \1 Family", family)


def usages(state: Path, computes: Iterable[Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """All limits: what they are called, what is in use, and the limit."""
    most, every = limits(state), list(computes)
    used = [use for compute in every if (use := of(compute))]
    dedicated = [use for use in used if not use.low_priority]
    low = sum(use.cores for use in used if use.low_priority)
    families = dict.fromkeys(size.family for size in vm_sizes.SIZES)
    return [
        ("Total Clusters", len(every), most.computes),
        ("Total Cluster Dedicated Regional vCPUs", sum(use.cores for use in dedicated), most.dedicated_cores),
        ("Total Cluster Low Priority Regional vCPUs", low, most.low_priority_cores),
        *(
            (
                f"{family_name(family)} Cluster Dedicated vCPUs",
                sum(use.cores for use in dedicated if use.size.family == family),
                most.family(family),
            )
            for family in families
        ),
    ]
