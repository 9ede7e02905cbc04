"""How many processor cores this process may use: those of its affinity, or fewer where its control group grants less.

The data preparation packs this very file.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

_MEMBERSHIP = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


def granted(membership: Path = _MEMBERSHIP, mount: Path = _MOUNT) -> int:
    """Whole cores, at least 1; a part of one counts as one.

    The quota is read from `cpu.max` of version 2 of the control groups (Linux, Documentation/admin-guide/cgroup-v2.rst)
    and from `cpu.cfs_quota_us` of version 1 (scheduler/sched-bwc.rst): the least of the process's own group and those
    around it.
    """
    cores = float(len(os.sched_getaffinity(0)))
    return max(1, math.ceil(min([cores, *(_quota(folder) for folder in _groups(membership, mount))])))


def _groups(membership: Path, mount: Path) -> list[Path]:
    """The folders of the process's group, of either version, and of those around it."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    groups = [mount]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = mount / controllers if controllers else mount
        # In a container the path may be one that only the host knows: what is mounted is then the own group itself.
        own = top / path.lstrip("/")
        groups += [folder for folder in (own, *own.parents) if folder.is_relative_to(top)]
    return groups


def _quota(group: Path) -> float:
    """The cores that a group may use; infinitely many where nothing is said."""
    try:
        quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
    except FileNotFoundError:
        try:
            quota = (group / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (group / "cpu.cfs_period_us").read_text(encoding="ascii")
        except FileNotFoundError:
            return math.inf
    return math.inf if quota in {"max", "-1"} else int(quota) / int(period)
