"""What any killed container runtime leaves on the machine: cgroups, and the sockets of its shims."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from sandbox.processes import wait_for

CGROUPS = Path("/sys/fs/cgroup")
SHIM_SOCKETS = Path("/run/containerd/s")
"""Shared by all containerds of the machine; no flag moves it."""


def remove_cgroups(tops: Iterable[Path]) -> None:
    """Remove cgroups with all below them, once their last processes are gone. Raises SandboxError after 10 s."""
    for top in tops:
        # Deepest first; a cgroup's files are the kernel's and go with their folder.
        for folder, _, _ in os.walk(top, topdown=False):
            wait_for(f"the cgroup {folder} to be empty", partial(_removed, Path(folder)), seconds=10)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # its last process is a zombie still
        return False
    return True


def remove_dead_sockets() -> None:
    """Remove the sockets that killed shims left."""
    open_sockets = set(Path("/proc/net/unix").read_text().split())
    for file in SHIM_SOCKETS.glob("*"):
        if file.is_socket() and str(file) not in open_sockets:
            file.unlink(missing_ok=True)
