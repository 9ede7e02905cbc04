"""What a killed dockerd leaves on the machine: containers that run on, their shims, mounts, cgroups and sockets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from sandbox.leftovers import CGROUPS, SHIM_SOCKETS, remove_cgroups, remove_dead_sockets
from sandbox.processes import kill


def remove_leftovers(folder: Path, cgroup: str) -> None:
    """Remove what the Docker in `folder`, the containers of which are in `cgroup`, left behind; its data stays."""
    kill("Docker's last processes", _strays(folder, cgroup))
    _unmount(folder)
    remove_cgroups(_tops(cgroup))
    remove_dead_sockets()
    _remove_empty_folders()


def _strays(folder: Path, cgroup: str) -> set[int]:
    """Shims and daemons are known by the folder in their arguments, the containers' processes by their cgroup."""
    found = {
        int(process.name) for process in Path("/proc").iterdir() if process.name.isdigit() and _is_of(process, folder)
    }
    for top in _tops(cgroup):
        for procs in top.rglob("cgroup.procs"):
            found.update(int(pid) for pid in procs.read_text().split())
    return found


def _is_of(process: Path, folder: Path) -> bool:
    try:
        program = (process / "exe").readlink().name
        arguments = (process / "cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    return program.startswith(("containerd", "dockerd", "runc")) and f"{folder}/" in arguments


def _unmount(folder: Path) -> None:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), line.split()[4]) for line in lines]
    for point in sorted((p for p in points if p.startswith(f"{folder}/")), reverse=True):  # deepest first
        if subprocess.run(["umount", point], check=False, capture_output=True).returncode != 0:
            subprocess.run(["umount", "--lazy", point], check=True, capture_output=True)


def _tops(cgroup: str) -> list[Path]:
    """The cgroup in each hierarchy: there is one in version 2, and one a controller in version 1."""
    return [top for top in (CGROUPS / cgroup, *CGROUPS.glob(f"*/{cgroup}")) if top.is_dir()]


def _remove_empty_folders() -> None:
    for folder in (SHIM_SOCKETS, SHIM_SOCKETS.parent):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
