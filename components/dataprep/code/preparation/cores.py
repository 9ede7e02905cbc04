"""How many processor cores this process may use: those of its affinity, or fewer where its control groups say so."""

from __future__ import annotations

import math
import os
from pathlib import Path

_MEMBERSHIP = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


def available(membership: Path = _MEMBERSHIP, mount: Path = _MOUNT) -> int:
    """Whole cores, at least 1; a part of one counts as one.

    Read from `cpu.max` of version 2 of the control groups, and from `cpu.cfs_quota_us` of version 1 (the kernel's
    Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst), of the process's own group and all above.
    """
    cores = float(len(os.sched_getaffinity(0)))
    for folder in _groups(membership, mount):
        cores = min(cores, _quota(folder))
    return max(1, math.ceil(cores))


def _groups(membership: Path, mount: Path) -> list[Path]:
    """The folders of the groups that the process is in, with those above them."""
    if not membership.is_file():
        return []
    folders = []
    for line in membership.read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = mount / controllers if controllers else mount
        # Inside a container the path may be one that only the host can see: the container's own group is the root.
        own = root / path.lstrip("/")
        folders += [folder for folder in (own, *own.parents) if folder == root or root in folder.parents]
    return folders


def _quota(folder: Path) -> float:
    """The cores that a group may use, infinitely many if nothing is said."""
    second = folder / "cpu.max"
    if second.is_file():
        quota, period = second.read_text(encoding="ascii").split()
        return math.inf if quota == "max" else int(quota) / int(period)
    first = folder / "cpu.cfs_quota_us"
    if first.is_file():
        micros = int(first.read_text(encoding="ascii"))
        return math.inf if micros < 0 else micros / int((folder / "cpu.cfs_period_us").read_text(encoding="ascii"))
    return math.inf
